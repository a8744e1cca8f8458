/**
 * Records to framed events, without any I/O. What a record becomes depends on what came before it (the last step of each
 * tag, the configuration so far), so the encoder has a state; what it gives out for a batch is a draft until
 * {@link EventEncoder.commit}, so that a batch that could not be written is encoded again to the same bytes.
 *
 * Steps that go back: TensorBoard's default reader erases a tag's points at or after such a step. So
 * - a tag that goes back moves to the newest sub-run `rewind-<k>`, or to the next one where it is in the newest already;
 * - it stays there until it goes back again, and tags that do not go back stay where they are;
 * - a run resumed from a step goes on in the same place, in a new file whose first event tells readers to drop what lies
 *   at or after that step. Tags on axes of their own (epochs, series) may then continue from anywhere.
 */

import { isDeepStrictEqual } from 'node:util';
import {
  isScalar,
  type BarChartRecord,
  type ImageRecord,
  type JsonObject,
  type DefineMetricRecord,
  type JsonPrimitive,
  type LogRecord,
  type OpenRecord,
  type RunRecord,
  type ScalarMap,
} from '@runcast/core';
import { EventBuffer } from './event-buffer.ts';
import { flattenScalars, sessionEnd, sessionStart } from './hparams-events.ts';
import { bytesField, integerField } from './protobuf.ts';
import {
  NEW_RUN,
  stateFromJson,
  stateToJson,
  type ConfigScalars,
  type EncoderState,
  type RunEnd,
  type RunState,
  type Stamp,
  type SubRun,
} from './run-state.ts';
import { markdownBars, markdownTable } from './markdown-table.ts';
import { ScalarRow } from './scalar-row.ts';
import { chartId, chartLayout, chartOf, definedSeries, MAX_CHARTS, seriesOf, type Chart } from './series-layout.ts';
import { histogramValue, imageValue, textValue } from './summary-value.ts';
import { TagTable, type Tag } from './tag-table.ts';

/** What a batch adds to one file. */
export interface EncodedFile {
  /** Path below the run's directory, with `/`. */
  readonly path: string;
  /** True where the bytes are the whole file, in place of what there is of it. */
  readonly replaces: boolean;
  /** A view that the next call of {@link EventEncoder.encode} takes back. */
  readonly bytes: Uint8Array;
}

/** Gives the PNG, JPEG, GIF or WebP file of an image record, and a picture of a bar chart. */
export type ImageBytes = (record: ImageRecord | BarChartRecord) => Uint8Array | undefined;

/** Event.file_version: without it, readers drop points whenever a step goes back anywhere in the run. */
const FILE_VERSION: Uint8Array = bytesField(3, 'brain.Event:2');

/** Event.session_log with status START. The first one of a run only arms readers; each later one drops points. */
const SESSION_LOG_START: Uint8Array = bytesField(7, integerField(1, 1));

/**
 * Readers believe what they read first of a session, and go through a run's files by name: this one comes before any other.
 * It is there only where the run's own file is not right any more, since it was resumed after its end or had configuration
 * added.
 */
export const AMENDED_SESSION = '0-hparams.tfevents';

/** How many forms of rows are remembered. */
const MAX_ROWS = 8;

/** Ten digits: names sort by them. */
const MAX_SECONDS = 9_999_999_999;

interface Output {
  readonly path: string;
  readonly buffer: EventBuffer;
}

/** A metric of a row that has to be written apart from others: to another sub-run, or at another step. */
interface Placement {
  readonly subRun: number;
  readonly step: number;
  readonly keys: readonly string[];
}

/** The encoder of one run. Events of one sub-run lie in the order of their records. */
export class EventEncoder {
  #saved: RunState;
  /** Its last step lags: that changes with every record and so stands apart. */
  #draft: RunState;
  #lastStep: number;
  readonly #tags: TagTable;
  /** Most recently made first. */
  #rows: readonly ScalarRow[] = [];
  readonly #tagOf = (key: string): Tag => this.#tags.of(key);
  /** This batch changed what the session comes to. */
  #amends = false;
  /** What this batch goes to: all of it in order, and the current one of each sub-run. */
  #outputs: Output[] = [];
  readonly #current = new Map<number, EventBuffer>();
  readonly #spareBuffers: EventBuffer[] = [];

  /** @param state What {@link position} returned, to go on from there. */
  constructor(state?: EncoderState) {
    const { run, tags } = state === undefined ? { run: NEW_RUN, tags: [] } : stateFromJson(state);
    this.#saved = run;
    this.#draft = run;
    this.#lastStep = run.lastStep;
    this.#tags = new TagTable(tags);
  }

  /**
   * Encodes records that follow what was committed. What an earlier call encoded and nobody committed is forgotten.
   *
   * @param imageBytes The file of an image; where it gives undefined, as it does where it is left out, there is no event of
   *   the image, and of a bar chart its values alone.
   */
  encode(records: readonly RunRecord[], imageBytes: ImageBytes = noImage): readonly EncodedFile[] {
    this.#startDraft();
    for (const record of records) this.#encode(record, imageBytes);
    const appended = this.#outputs.map(({ path, buffer }) => ({ path, replaces: false, bytes: buffer.bytes }));
    if (!this.#amends) return appended;
    return [...appended, { path: AMENDED_SESSION, replaces: true, bytes: this.#amendedSession() }];
  }

  /** What was encoded last is with the backend. */
  commit(): void {
    this.#saved = { ...this.#draft, lastStep: this.#lastStep };
    this.#tags.commit();
  }

  /** Everything that was committed, as JSON, to go on from. */
  position(): EncoderState {
    return stateToJson(this.#saved, this.#tags.entries());
  }

  #startDraft(): void {
    this.#draft = this.#saved;
    this.#lastStep = this.#saved.lastStep;
    this.#tags.rollBack();
    for (const { buffer } of this.#outputs) {
      buffer.reset();
      this.#spareBuffers.push(buffer);
    }
    this.#outputs = [];
    this.#current.clear();
    this.#amends = false;
  }

  #encode(record: RunRecord, imageBytes: ImageBytes): void {
    if (this.#draft.stamp.host === '') this.#change({ stamp: firstStamp(record) });
    const time = this.#wallTime(record.time);
    switch (record.kind) {
      case 'open':
        this.#open(record);
        return;
      case 'step':
        this.#reachStep(record.step);
        this.#scalars(time, record.step, record.metrics, false);
        return;
      case 'epoch':
      case 'validation':
        this.#scalars(time, record.epoch, record.metrics, true);
        return;
      case 'log':
        this.#log(time, record.step, record.metrics, record.series !== undefined);
        this.#chart(time, record);
        return;
      case 'system':
        // Counted, as records are that have no step: when they were taken is in their wall time.
        this.#scatter(time, undefined, Object.keys(record.metrics), record.metrics, false);
        return;
      case 'final':
        this.#results(
          time,
          record.total_steps === undefined
            ? record.metrics
            : { 'final/total_steps': record.total_steps, ...record.metrics },
        );
        return;
      case 'summary':
        this.#results(time, numericMembers(record.summary));
        return;
      case 'config':
        this.#addConfig(record.config);
        return;
      case 'hparams':
        this.#addConfig(record.hparams);
        this.#startSession(time);
        return;
      case 'close':
        if (record.final && this.#draft.end === null) this.#endSession({ status: record.status, time });
        return;
      case 'define_metric':
        this.#define(record);
        return;
      case 'table':
        this.#payload(time, record, textValue(record.key, markdownTable(record.columns, record.rows)));
        return;
      case 'bar_chart':
        this.#barChart(time, record, imageBytes(record));
        return;
      case 'text':
        this.#payload(time, record, textValue(record.key, record.text));
        return;
      case 'histogram':
        this.#payload(time, record, histogramValue(record));
        return;
      case 'image':
        this.#image(time, record, imageBytes(record));
        return;
      case 'tags':
      case 'file':
      case 'artifact':
      case 'alert':
        return;
      default:
        record satisfies never;
    }
  }

  #change(part: Partial<RunState>): void {
    this.#draft = { ...this.#draft, ...part };
  }

  /** Seconds that readers accept: at NaN or infinity they give up on the file. */
  #wallTime(time: number): number {
    return Number.isFinite(time) ? time : this.#draft.stamp.time;
  }

  #open(record: OpenRecord): void {
    this.#addConfig(record.config);
    if (record.role === 'owner' && this.#draft.end !== null) {
      this.#change({ end: null });
      if (this.#draft.session === 'ended') this.#amend();
    }
    if (record.resume_step === undefined) return;
    const resumeStep = record.resume_step;
    const resumed = (subRun: SubRun): SubRun => ({
      ...subRun,
      resumeStep: Math.min(resumeStep, subRun.resumeStep ?? resumeStep),
    });
    this.#change({
      stamp: stampOf(record),
      subRuns: this.#draft.subRuns.map((subRun) => resumed(subRun)),
    });
    this.#lastStep = Math.min(this.#lastStep, resumeStep);
    this.#tags.rewind(resumeStep);
    this.#current.clear();
  }

  #reachStep(step: number): void {
    if (step > this.#lastStep) this.#lastStep = step;
  }

  #log(time: number, step: number | undefined, metrics: ScalarMap, inSeries: boolean): void {
    if (step === undefined) {
      this.#scatter(time, undefined, Object.keys(metrics), metrics, false);
      return;
    }
    if (!inSeries) this.#reachStep(step);
    this.#scalars(time, step, metrics, inSeries);
  }

  /** The run's results, one point each, where the run has got to. */
  #results(time: number, metrics: ScalarMap): void {
    this.#scalars(time, this.#lastStep, metrics, false);
  }

  #scalars(time: number, step: number, metrics: ScalarMap, ownAxis: boolean): void {
    const keys = Object.keys(metrics);
    const row = this.#row(keys);
    const subRun = commonSubRun(row, step);
    if (subRun === undefined) this.#scatter(time, step, keys, metrics, ownAxis);
    else this.#writeRow(row, time, step, subRun, metrics, ownAxis);
  }

  #writeRow(row: ScalarRow, time: number, step: number, subRun: number, metrics: ScalarMap, ownAxis: boolean): void {
    row.write(this.#buffer(subRun), time, step, metrics);
    for (const { tag } of row.columns) this.#tags.move(tag, step, subRun, ownAxis);
  }

  #row(keys: readonly string[]): ScalarRow {
    for (const row of this.#rows) if (row.matches(keys)) return row;
    const row = new ScalarRow(keys, this.#tagOf);
    this.#rows = [row, ...this.#rows.slice(0, MAX_ROWS - 1)];
    return row;
  }

  #image(time: number, record: ImageRecord, file: Uint8Array | undefined): void {
    if (file !== undefined) this.#payload(time, record, imageValue(record, file));
  }

  /** A tag is of one kind: the values stand beside the picture. */
  #barChart(time: number, record: BarChartRecord, picture: Uint8Array | undefined): void {
    if (picture !== undefined) this.#payload(time, record, imageValue(record, picture));
    const values = { ...record, key: `${record.key}/values` };
    this.#payload(time, values, textValue(values.key, markdownBars(record.bars)));
  }

  /** Writes a value that is an event of its own. */
  #payload(time: number, record: { readonly key: string; readonly step?: number }, body: Uint8Array): void {
    const tag = this.#tags.of(record.key);
    const step = record.step ?? nextStep(tag);
    const subRun = this.#place(tag, step);
    this.#event(time, step, subRun, body);
    this.#tags.move(tag, step, subRun, false);
  }

  /** Writes a row whose metrics do not all go to one sub-run, or (`step` undefined) not all at one step. */
  #scatter(
    time: number,
    step: number | undefined,
    keys: readonly string[],
    metrics: ScalarMap,
    ownAxis: boolean,
  ): void {
    const placements = new Map<string, Placement>();
    for (const key of keys) {
      const tag = this.#tags.of(key);
      const at = step ?? nextStep(tag);
      const subRun = this.#place(tag, at);
      const id = `${subRun} ${at}`;
      placements.set(id, { subRun, step: at, keys: [...(placements.get(id)?.keys ?? []), key] });
    }
    for (const placement of placements.values()) {
      this.#writeRow(this.#row(placement.keys), time, placement.step, placement.subRun, metrics, ownAxis);
    }
  }

  /** The sub-run in which a tag can have a point at this step. */
  #place(tag: Tag, step: number): number {
    if (!goesBack(tag, step)) return tag.subRun;
    if (tag.subRun === this.#draft.rewinds) this.#change({ rewinds: this.#draft.rewinds + 1 });
    return this.#draft.rewinds;
  }

  #define(record: DefineMetricRecord): void {
    const defined = definedSeries(record.metric, record.step);
    if (defined !== undefined) this.#change({ defined: [...this.#draft.defined, defined] });
  }

  /** Has metrics of series in the layout. */
  #chart(time: number, record: LogRecord): void {
    const { charts, defined } = this.#draft;
    if ((record.series === undefined && defined.length === 0) || charts.size >= MAX_CHARTS) return;
    const added = new Map<string, Chart>();
    for (const key of Object.keys(record.metrics)) {
      const series = record.series ?? seriesOf(key, defined);
      if (series === undefined) continue;
      const chart = chartOf(series, key);
      const id = chartId(chart);
      if (!charts.has(id)) added.set(id, chart);
    }
    if (added.size === 0) return;
    this.#change({ charts: new Map([...charts, ...added].slice(0, MAX_CHARTS)) });
    this.#event(time, 0, 0, chartLayout(this.#draft.charts.values()));
  }

  #addConfig(config: JsonObject): void {
    const before = this.#draft.session === 'none' ? undefined : this.#hparams();
    const added: ConfigScalars = new Map(
      Object.entries(config).map(([key, value]) => [key, flattenScalars(key, value)]),
    );
    this.#change({ config: new Map([...this.#draft.config, ...added]) });
    if (before !== undefined && !isDeepStrictEqual(before, this.#hparams())) this.#amend();
  }

  /** Of names that are there twice, the later one counts. */
  #hparams(): ReadonlyMap<string, JsonPrimitive> {
    return new Map([...this.#draft.config.values()].flat());
  }

  /** Writes the session's start, once: readers would not look at another. */
  #startSession(time: number): void {
    if (this.#draft.session !== 'none') return;
    this.#event(time, 0, 0, sessionStart(this.#hparams(), this.#draft.stamp.time));
    this.#change({ session: 'started' });
  }

  #endSession(end: RunEnd): void {
    this.#change({ end });
    // A run without hyperparameters has its configuration in HParams, and without that no line there at all.
    if (this.#hparams().size > 0) this.#startSession(end.time);
    if (this.#draft.session === 'started') {
      this.#event(end.time, 0, 0, sessionEnd(end.status, end.time));
      this.#change({ session: 'ended' });
    }
    if (this.#draft.amended) this.#amend();
  }

  #amend(): void {
    this.#change({ amended: true });
    this.#amends = true;
  }

  /** The whole file that says of the session what is true now. */
  #amendedSession(): Uint8Array {
    const { stamp, session, end } = this.#draft;
    const buffer = new EventBuffer();
    const bodies = [
      FILE_VERSION,
      sessionStart(this.#hparams(), stamp.time),
      // An end that the run's own file has is taken back where the run goes on.
      ...(session === 'ended' ? [sessionEnd(end?.status ?? 'unknown', end?.time ?? 0)] : []),
    ];
    for (const body of bodies) {
      buffer.begin(stamp.time, 0, body);
      buffer.seal();
    }
    return buffer.bytes;
  }

  #event(time: number, step: number, subRun: number, body: Uint8Array): void {
    const buffer = this.#buffer(subRun);
    buffer.begin(time, step, body);
    buffer.seal();
  }

  #buffer(index: number): EventBuffer {
    return this.#current.get(index) ?? this.#openOutput(index);
  }

  /** Goes on with the sub-run's file, or begins one: its first, or the first since the run was resumed from a step. */
  #openOutput(index: number): EventBuffer {
    const buffer = this.#spareBuffers.pop() ?? new EventBuffer();
    this.#current.set(index, buffer);
    const subRun = this.#draft.subRuns[index];
    if (subRun === undefined || subRun.resumeStep !== null) this.#beginFile(index, subRun, buffer);
    else this.#outputs.push({ path: subRun.path, buffer });
    return buffer;
  }

  #beginFile(index: number, previous: SubRun | undefined, buffer: EventBuffer): void {
    const { time, host, pid } = this.#draft.stamp;
    const files = previous?.files ?? 0;
    // Readers go through a run's files by name: a later one needs a later second, whatever the clock said.
    const seconds = Math.max(Math.min(Math.max(Math.floor(time), 0), MAX_SECONDS), (previous?.seconds ?? -1) + 1);
    const name = `events.out.tfevents.${String(seconds).padStart(10, '0')}.${host}.${pid}.${files}`;
    const path = index === 0 ? name : `rewind-${index}/${name}`;
    const begun: SubRun = { files: files + 1, seconds, path, resumeStep: null };
    this.#change({ subRuns: [...this.#draft.subRuns.slice(0, index), begun, ...this.#draft.subRuns.slice(index + 1)] });
    this.#outputs.push({ path, buffer });
    buffer.begin(time, 0, FILE_VERSION);
    buffer.seal();
    buffer.begin(time, previous?.resumeStep ?? 0, SESSION_LOG_START);
    buffer.seal();
    // What was superseded may have taken the layout with it.
    if (index === 0 && this.#draft.charts.size > 0) {
      buffer.begin(time, 0, chartLayout(this.#draft.charts.values()));
      buffer.seal();
    }
  }
}

function noImage(): undefined {
  return undefined;
}

const UNKNOWN_HOST = 'unknown';

/** The first record is an `open`. A log whose start was lost still gives a file. */
function firstStamp(record: RunRecord): Stamp {
  return record.kind === 'open' ? stampOf(record) : { time: finiteTime(record.time), host: UNKNOWN_HOST, pid: 0 };
}

function stampOf(record: OpenRecord): Stamp {
  return { time: finiteTime(record.time), host: fileNamePart(record.host), pid: record.pid };
}

function finiteTime(time: number): number {
  return Number.isFinite(time) ? time : 0;
}

/** A host name that can be part of any file name. */
function fileNamePart(host: string): string {
  return host.replaceAll(/[^\w.-]/gu, '_').slice(0, 64) || UNKNOWN_HOST;
}

function goesBack(tag: Tag, step: number): boolean {
  // False where there is no point yet, since that step is NaN.
  return step < tag.step;
}

function nextStep(tag: Tag): number {
  return Number.isNaN(tag.step) ? 0 : tag.step + 1;
}

/** The sub-run that all tags of a row are in; undefined where there are several or none, or a tag goes back. */
function commonSubRun(row: ScalarRow, step: number): number | undefined {
  let common: number | undefined;
  for (const { tag } of row.columns) {
    if (goesBack(tag, step)) return undefined;
    if (tag.subRun !== common) {
      if (common !== undefined) return undefined;
      common = tag.subRun;
    }
  }
  return common;
}

function numericMembers(summary: Readonly<Record<string, JsonPrimitive>>): ScalarMap {
  const numbers = Object.entries(summary).flatMap(([key, value]) => (isScalar(value) ? [[key, value] as const] : []));
  return Object.fromEntries(numbers);
}
