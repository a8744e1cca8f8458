/** TensorBoard's event files, whoever wrote them, as runs: one run directory for each of TensorBoard's runs. */

import { existsSync, readdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import {
  readImageHeader,
  redactObject,
  redactText,
  toScalar,
  type JsonPrimitive,
  type RecordBody,
  type RunStatus,
} from '@runcast/core';
import {
  readEventBatches,
  type CorruptEvent,
  type HistogramBucket,
  type ImageEvent,
  type ScalarEvent,
  type SessionStartEvent,
  type TensorboardEvent,
  type TextEvent,
} from '@runcast/tensorboard';
import { importedRunId } from './import-run-id.ts';
import { ImportedRun } from './import-run.ts';

export interface ImportOptions {
  /** The log directory, or one event file. */
  readonly from: string;
  /** Directory of all runs. */
  readonly dir: string;
  readonly project: string | undefined;
  readonly onCorrupt: (event: CorruptEvent) => void;
  readonly onProgress: (readBytes: number, foundBytes: number) => void;
}

/** A run that was made. */
export interface ImportResult {
  readonly id: string;
  /** As TensorBoard has it; the log directory's own name for `.`. */
  readonly name: string;
  readonly path: string;
  readonly records: number;
  readonly status: RunStatus;
  /** What a run log has no record for, and how often it came, by its kind. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** Throws the system's error where `from` cannot be read or a run cannot be written; a run half made is taken back. */
export async function importTensorboard(options: ImportOptions): Promise<readonly ImportResult[]> {
  const from = resolve(options.from);
  // Whatever has a name there keeps it, run or not.
  const names = existsSync(options.dir) ? readdirSync(options.dir) : [];
  const taken = new Set(names.map((name) => name.toLowerCase()));
  const results: ImportResult[] = [];
  let current: RunImport | undefined;
  const finish = (): void => {
    if (current !== undefined) results.push(current.end());
    current = undefined;
  };
  try {
    for await (const events of readEventBatches(from, { onProgress: options.onProgress })) {
      for (const event of events) {
        if (event.kind === 'corrupt') {
          options.onCorrupt(event);
          continue;
        }
        if (current?.run !== event.run) {
          finish();
          const name = event.run === '.' ? basename(from) : event.run;
          const id = importedRunId(name, taken);
          taken.add(id.toLowerCase());
          const notes = redactText(`imported from TensorBoard: ${options.from}`);
          const { dir, project } = options;
          const time = Number.isFinite(event.wallTime) ? event.wallTime : 0;
          current = new RunImport(event.run, new ImportedRun({ dir, id, name, project, notes, time }), name, time);
        }
        current.take(event);
      }
    }
    finish();
  } catch (error) {
    current?.discard();
    throw error;
  }
  return results;
}

/** How a session ended, and so the run. */
const STATUSES = { success: 'finished', failure: 'failed', running: 'unknown', unknown: 'unknown' } as const;

type RunEvent = Exclude<TensorboardEvent, CorruptEvent>;

/** One run: events in, records out. */
class RunImport {
  readonly run: string;
  readonly #target: ImportedRun;
  readonly #name: string;
  readonly #skipped = new Map<string, number>();
  #time: number;
  #status: RunStatus = 'unknown';
  /** What has been said of the run's session: as in TensorBoard, the first word counts. */
  #sessionStarted = false;
  #sessionEnded = false;
  /** Scalars of one step and time that are not written yet. */
  #row = new Map<string, number>();
  #rowStep: number | undefined;
  #rowTime = 0;

  constructor(run: string, target: ImportedRun, name: string, time: number) {
    this.run = run;
    this.#target = target;
    this.#name = name;
    this.#time = time;
  }

  take(event: RunEvent): void {
    // JSON has no other numbers.
    if (Number.isFinite(event.wallTime)) this.#time = event.wallTime;
    if (event.kind === 'scalar') {
      this.#scalar(event);
      return;
    }
    this.#writeRow();
    switch (event.kind) {
      case 'histogram': {
        const bucketing = bucketingOf(event.value);
        if (bucketing === undefined) this.#skip('histogram');
        else this.#append({ kind: 'histogram', key: keyOf(event.tag), ...bucketing, ...this.#place(event) });
        return;
      }
      case 'text':
        this.#append({ ...textBody(event), key: keyOf(event.tag), ...this.#place(event) });
        return;
      case 'image':
        this.#images(event);
        return;
      case 'hparams_session_start':
        if (!this.#sessionStarted) this.#append({ kind: 'hparams', hparams: hparamsOf(event) });
        this.#sessionStarted = true;
        return;
      case 'hparams_session_end':
        if (!this.#sessionEnded) this.#status = STATUSES[event.value.status];
        this.#sessionEnded = true;
        return;
      case 'hparams_experiment':
        this.#skip('hparams_experiment');
        return;
      case 'unknown':
        this.#skip(event.plugin === '' ? event.form : event.plugin);
        return;
      case 'file_version':
      case 'session_log':
        return;
      default:
        event satisfies never;
    }
  }

  end(): ImportResult {
    this.#writeRow();
    this.#target.end(this.#time, this.#status);
    const { runId: id, path } = this.#target.directory;
    const counts = { records: this.#target.records, skipped: Object.fromEntries(this.#skipped) };
    return { id, name: this.#name, path, status: this.#status, ...counts };
  }

  discard(): void {
    this.#target.discard();
  }

  #scalar(event: ScalarEvent): void {
    const key = keyOf(event.tag);
    const { step } = this.#place(event);
    // A tag twice at one step and time is two rows.
    if (this.#row.has(key) || step !== this.#rowStep || this.#time !== this.#rowTime) this.#writeRow();
    this.#rowStep = step;
    this.#rowTime = this.#time;
    this.#row.set(key, event.value);
  }

  #writeRow(): void {
    if (this.#row.size > 0) this.#target.appendRow(this.#rowTime, this.#rowStep, this.#row);
    this.#row = new Map();
  }

  #images(event: ImageEvent): void {
    const { description: caption } = event;
    for (const [index, bytes] of event.value.entries()) {
      const header = readImageHeader(bytes);
      if (header === undefined) {
        this.#skip('image');
        continue;
      }
      const key = event.value.length === 1 ? keyOf(event.tag) : `${keyOf(event.tag)}/${index}`;
      const size = event.width > 0 && event.height > 0 ? { width: event.width, height: event.height } : {};
      const reference = this.#target.putBlob(bytes, header.format);
      const described = caption === undefined ? {} : { caption };
      this.#append({ kind: 'image', key, ...size, ...header, ...reference, ...described, ...this.#place(event) });
    }
  }

  #append(body: RecordBody): void {
    this.#target.append(this.#time, body);
  }

  /** A record's step: an integer from 0 to 2^53 - 1, or none. */
  #place({ step }: { readonly step: number }): { readonly step?: number } {
    if (Number.isSafeInteger(step) && step >= 0) return { step };
    this.#skip('step out of range');
    return {};
  }

  #skip(what: string): void {
    this.#skipped.set(what, (this.#skipped.get(what) ?? 0) + 1);
  }
}

/** A record's keys are not empty. */
function keyOf(tag: string): string {
  return tag === '' ? 'untitled' : tag;
}

/** Buckets as edges and counts; undefined where they overlap or have no finite edges. */
function bucketingOf(
  buckets: readonly HistogramBucket[],
): { readonly edges: readonly number[]; readonly counts: readonly number[]; readonly non_finite: number } | undefined {
  // TensorFlow writes zeros for no data.
  if (buckets.every((cells) => cells.every((cell) => cell === 0))) return { edges: [], counts: [], non_finite: 0 };
  const edges: number[] = [];
  const counts: number[] = [];
  for (const [left, right, count] of buckets) {
    const last = edges.at(-1) ?? left;
    if (!Number.isFinite(left) || !Number.isFinite(right) || !Number.isFinite(count) || left < last || right < left)
      return undefined;
    if (edges.length === 0) edges.push(left);
    else if (left > last) {
      // A gap is a bucket with nothing in it.
      edges.push(left);
      counts.push(0);
    }
    edges.push(right);
    counts.push(count);
  }
  return { edges, counts, non_finite: 0 };
}

/** One string is text; cells are a table, as TensorBoard shows them. */
function textBody(
  event: TextEvent,
):
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'table'; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const [text] = event.value;
  if (event.value.length === 1 && text !== undefined) return { kind: 'text', text };
  // Of no cells, a shape may claim any width.
  const claimed = event.shape.length > 1 && event.value.length > 0 ? Number(event.shape.at(-1)) : 1;
  const width = Math.max(1, claimed);
  const rows = Array.from({ length: Math.ceil(event.value.length / width) }, (_, row) =>
    event.value.slice(row * width, (row + 1) * width),
  );
  return { kind: 'table', columns: Array.from({ length: width }, (_, column) => String(column)), rows };
}

function hparamsOf(event: SessionStartEvent): Readonly<Record<string, JsonPrimitive>> {
  const entries = Object.entries(event.value.hparams).map(
    ([name, value]) => [name, typeof value === 'number' ? toScalar(value) : value] as const,
  );
  const redacted = redactObject(Object.fromEntries(entries));
  return Object.fromEntries(
    entries.map(([name, value]) => {
      // Only texts are ever replaced, and by texts.
      const shown = redacted[name];
      return [name, typeof shown === 'string' ? shown : value];
    }),
  );
}
