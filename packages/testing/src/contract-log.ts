/**
 * The log that the sink contract is checked with: every kind several times, and no two records alike in anything a backend
 * may file them under, so that each can be found again.
 */

import type { RecordBatch, RecordKind, RunRecord, Scalar } from '@runcast/core';
import { PIXEL_PNG, SAMPLE_FILE, writeBlob } from './blobs.ts';
import {
  alertRecord,
  artifactRecord,
  barChartRecord,
  closeRecord,
  configRecord,
  defineMetricRecord,
  epochRecord,
  fileRecord,
  finalRecord,
  histogramRecord,
  hparamsRecord,
  imageRecord,
  logRecord,
  openRecord,
  SAMPLE_TIME,
  stepRecord,
  summaryRecord,
  systemRecord,
  tableRecord,
  tagsRecord,
  textRecord,
  validationRecord,
} from './record-builders.ts';
import { createRecordSequence, type RecordPlace } from './record-sequence.ts';

/** The run that contract records belong to. */
export const CONTRACT_RUN_ID = 'contract-run';

const ROUNDS = 2;
/** Not a divisor of a round's length, so that batches begin and end at different kinds. */
const BATCH_LENGTH = 8;

/**
 * The log of writer `ordinal` of `writers`, in batches. Records of other kinds than `kinds` are left out of the batches, which
 * stand for them all the same. Steps grow from batch to batch when the writers' batches are delivered in turn.
 */
export function contractLog(kinds: readonly RecordKind[], ordinal = 0, writers = 1): readonly RecordBatch[] {
  const writer = `writer${ordinal}`;
  const records = wholeLog(writer, ordinal, writers);
  const batches: RecordBatch[] = [];
  for (let start = 0; start < records.length; start += BATCH_LENGTH) {
    const part = records.slice(start, start + BATCH_LENGTH);
    const taken = part.filter((record) => kinds.includes(record.kind));
    const lines = taken.map((record) => JSON.stringify(record));
    batches.push({
      writer,
      from: start,
      to: start + part.length - 1,
      records: taken,
      logged: { records: taken, lines },
    });
  }
  return batches;
}

/** Puts what the log's images, files and artifacts refer to below the run directory. */
export function writeContractBlobs(runDirectory: string): void {
  writeBlob(runDirectory, PIXEL_PNG, '.png');
  writeBlob(runDirectory, SAMPLE_FILE, '.bin');
}

function wholeLog(writer: string, ordinal: number, writers: number): readonly RunRecord[] {
  let ms = SAMPLE_TIME * 1000;
  const log = createRecordSequence({ writer, now: () => (ms += 250) });
  log.next((place) =>
    openRecord({
      ...place,
      run: CONTRACT_RUN_ID,
      writer,
      role: ordinal === 0 ? 'owner' : 'member',
      config: { [`latent_${ordinal}`]: ordinal },
    }),
  );
  let n = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const make of [stepOf, stepOf, stepOf, ...OTHER_KINDS]) {
      log.next((place) => {
        const batch = Math.floor(place.seq / BATCH_LENGTH);
        const step = (batch * writers + ordinal) * BATCH_LENGTH + (place.seq % BATCH_LENGTH);
        if (make === stepOf) n += 1;
        // Exact as a 32-bit float too, which is all that some backends keep.
        return make(place, { mark: `${writer}_${place.seq}`, step, n, value: ordinal * 1000 + place.seq + 0.25 });
      });
    }
  }
  log.next((place) => closeRecord({ ...place, final: ordinal === 0 }));
  return log.records;
}

/** What tells a record from every other. */
interface Marks {
  readonly mark: string;
  readonly step: number;
  readonly n: number;
  readonly value: number;
}

type MakeRecord = (place: RecordPlace, marks: Marks) => RunRecord;

const stepOf: MakeRecord = (place, { step, n, value }) =>
  stepRecord({ ...place, n, step, metrics: { 'train/loss': value, 'train/grad_norm': value + 0.5 } });

const OTHER_KINDS: readonly MakeRecord[] = [
  (place, { mark, value }) =>
    hparamsRecord({ ...place, hparams: { [`rate_${mark}`]: value, [`family_${mark}`]: mark } }),
  (place, { mark, value }) => configRecord({ ...place, config: { [`samples_${mark}`]: value } }),
  (place, { mark }) => tagsRecord({ ...place, tags: [mark] }),
  (place, { mark }) => defineMetricRecord({ ...place, metric: `${mark}/*`, step: `${mark}/step`, summary: 'min' }),
  (place, { step, value }) => epochRecord({ ...place, epoch: step, metrics: { 'epoch/loss': value } }),
  (place, { step, value }) => validationRecord({ ...place, epoch: step, metrics: { 'val/loss': value } }),
  (place, { mark, step, value }) => logRecord({ ...place, step, metrics: { [`production/${mark}`]: value } }),
  (place, { mark, value }) => logRecord({ ...place, metrics: { [`stepless/${mark}`]: value } }),
  (place, { mark, step, value }) =>
    logRecord({ ...place, step, series: `stage/${mark}`, metrics: { [`stage/${mark}/loss`]: value } }),
  (place, { mark, value }) => summaryRecord({ ...place, summary: { [`eval/${mark}`]: value } }),
  (place, { mark, step, value }) =>
    tableRecord({
      ...place,
      step,
      key: `table/${mark}`,
      rows: [
        [mark, value],
        [null, 'NaN'],
      ],
    }),
  (place, { mark, step, value }) =>
    barChartRecord({ ...place, step, key: `bars/${mark}`, bars: { mass: value, energy: 1 } }),
  (place, { mark, step, value }) =>
    histogramRecord({ ...place, step, key: `weights/${mark}`, edges: [0, 1, value + 2], counts: [1, 3] }),
  (place, { mark, step }) => imageRecord({ ...place, step, key: `image/${mark}`, caption: mark }),
  (place, { mark, step }) => textRecord({ ...place, step, key: `text/${mark}`, text: `**${mark}**` }),
  (place, { mark }) => fileRecord({ ...place, path: `checkpoints/${mark}.bin` }),
  (place, { mark }) => artifactRecord({ ...place, name: mark }),
  (place, { mark }) => alertRecord({ ...place, title: mark }),
  (place, { value }) => systemRecord({ ...place, metrics: { 'system/cpu': value } }),
  (place, { mark, value }) => finalRecord({ ...place, metrics: { [`final/${mark}`]: value }, total_steps: 6 }),
];

/** Records whose content is at the edges of what the format allows, in one batch. */
export function edgeBatch(kinds: readonly RecordKind[]): RecordBatch {
  const writer = 'writer-ü-😀';
  const metrics: Readonly<Record<string, Scalar>> = {
    ['__proto__']: 1.25,
    constructor: 2.25,
    'größe/損失 "quoted"\n': 3.25,
    nan: 'NaN',
    infinity: 'Infinity',
    '-infinity': '-Infinity',
    tiny: 5e-324,
    huge: Number.MAX_VALUE,
  };
  const log = createRecordSequence({ writer, now: () => SAMPLE_TIME * 1000 });
  log.next((place) =>
    openRecord({
      ...place,
      run: CONTRACT_RUN_ID,
      writer,
      config: { ['__proto__']: { ['__proto__']: 'kept' }, deep: [[{}]] },
    }),
  );
  log.next((place) => stepRecord({ ...place, n: 1, step: 0, metrics }));
  log.next((place) => stepRecord({ ...place, n: 2, step: Number.MAX_SAFE_INTEGER, metrics: {} }));
  log.next((place) => logRecord({ ...place, metrics }));
  log.next((place) => logRecord({ ...place, metrics: {} }));
  log.next((place) =>
    summaryRecord({ ...place, summary: { ['__proto__']: 'kept', empty: '', none: null, flag: false } }),
  );
  log.next((place) => hparamsRecord({ ...place, hparams: { ['__proto__']: 1, none: null } }));
  log.next((place) => tableRecord({ ...place, key: 'empty', columns: [], rows: [] }));
  log.next((place) => histogramRecord({ ...place, edges: [], counts: [], non_finite: 3 }));
  log.next((place) => textRecord({ ...place, key: 'unicode', text: '\u0000 \u2028 \uFEFF 😀 Zürich\r\n' }));
  return {
    writer,
    from: 0,
    to: log.records.length - 1,
    records: log.records.filter((record) => kinds.includes(record.kind)),
  };
}

/** One text of ten million characters between two that are short. */
export function hugeTextBatch(): RecordBatch {
  const log = createRecordSequence({ writer: 'writer0', now: () => SAMPLE_TIME * 1000 });
  log.next((place) => textRecord({ ...place, key: 'before', text: 'short', step: 1 }));
  log.next((place) => textRecord({ ...place, key: 'huge', text: '0123456789'.repeat(1_000_000), step: 2 }));
  log.next((place) => textRecord({ ...place, key: 'after', text: 'short', step: 3 }));
  return { writer: log.writer, from: 0, to: 2, records: log.records };
}
