/**
 * From a call to a line of the log. Everything that happens on the trainer's thread for a record happens here: values are
 * checked, encoded and handed to the log, and nothing of the caller's is kept. No call throws; what cannot be recorded is
 * counted and reported once per key.
 */

import { relative, resolve, sep } from 'node:path';
import { utf8 } from './bytes.ts';
import { errorMessage } from './errors.ts';
import { bucketise } from './histogram.ts';
import { readImageHeader } from './image-format.ts';
import { isJsonArray, isJsonObject, toJson, type JsonObject, type JsonPrimitive, type JsonValue } from './json.ts';
import type {
  Alert,
  Artifact,
  EpochMetrics,
  ExtraMetrics,
  FinalMetrics,
  HistogramOptions,
  Hparams,
  ImageOptions,
  ImageSource,
  MetricDefinition,
  MetricShapes,
  MetricsLogger,
  SaveFileOptions,
  StepMetrics,
  StepOption,
  SummaryOptions,
  Table,
  ValidationMetrics,
} from './metrics.ts';
import { KnownKeys } from './known-keys.ts';
import { LineBytes } from './line-bytes.ts';
import type { Rejection } from './publisher.ts';
import {
  ALERT_LEVELS,
  SUMMARY_RULES,
  type BlobReference,
  type FileEntry,
  type RecordBody,
  type RecordKind,
  type StoredFile,
} from './record.ts';
import { redactObject, redactText } from './redact.ts';
import { LOG_KIND, METRICS, ROW_END, SEQ, STEP, STEP_KIND, TIME } from './row-form.ts';
import { rowKey, RowMembers, type RowKey } from './row-members.ts';
import { perplexity } from './scalar.ts';

/** Where lines go. */
export interface RecordLog {
  /**
   * Takes one line, its newline included. The bytes are the caller's again when it returns, and before it calls anybody back.
   *
   * @param writeNow Hand it to the operating system before returning, whatever the rate.
   * @returns false where the line was dropped, because the log has been failing for longer than memory lasts. It then
   * has called nobody back.
   */
  append(line: LineBytes, nowMs: number, writeNow: boolean): boolean;
}

/** Where bytes too large for a line go. Each method throws the system's error where it cannot. */
export interface BlobStore {
  put(bytes: Uint8Array, extension: string): BlobReference;
  /** Copies a file as it is now. */
  copy(path: string): StoredFile;
  read(path: string): Uint8Array;
}

export interface RecorderOptions {
  readonly log: RecordLog;
  readonly blobs: BlobStore;
  /** Unix time in milliseconds. */
  readonly nowMs: () => number;
  /** Must not throw. */
  readonly onRejected: (rejection: Rejection) => void;
}

/** Longest metric key, in UTF-16 units. */
const MAX_KEY_LENGTH = 1024;
/** Most images in bytes: no backend shows larger ones. */
const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
/** Longest line in bytes: it has to fit in memory several times. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** Keys whose rejection has been reported are remembered up to this many. */
const MAX_REPORTED_KEYS = 1000;
/** As many series are remembered with their keys. */
const MAX_CACHED_SERIES = 100;
const DEFAULT_BUCKETS = 30;
const MAX_BUCKETS = 1000;

const CLOSED = 'the publisher is closed';

export class Recorder<Shapes extends MetricShapes = MetricShapes> implements MetricsLogger<Shapes> {
  readonly #log: RecordLog;
  readonly #blobs: BlobStore;
  readonly #nowMs: () => number;
  readonly #onRejected: (rejection: Rejection) => void;
  readonly #trainKeys = new CanonicalKeys('train/');
  readonly #epochKeys = new CanonicalKeys('epoch/');
  readonly #valKeys = new CanonicalKeys('val/');
  readonly #finalKeys = new CanonicalKeys('final/');
  readonly #rowKeys = new CanonicalKeys('');
  readonly #seriesKeys = new KnownKeys((series) => new CanonicalKeys(`${series}/`), MAX_CACHED_SERIES);
  readonly #reported = new Set<string>();
  #rejected = 0;
  #records = 0;
  #dropped = 0;
  #steps = 0;
  #ended = false;
  /** The line at hand; no line is begun while another one is. */
  readonly #line = new LineBytes();
  /** The time of the line begun last, in Unix milliseconds and as its bytes. */
  #timeMs = Number.NaN;
  #time: Uint8Array = new Uint8Array(0);
  /** For the members of a row; undefined while a row has it, since a getter among its members may log another one. */
  #room: RowMembers | undefined;

  constructor(options: RecorderOptions) {
    this.#log = options.log;
    this.#blobs = options.blobs;
    this.#nowMs = options.nowMs;
    this.#onRejected = options.onRejected;
  }

  /** Records appended so far; the next one's `seq`. */
  get records(): number {
    return this.#records;
  }

  /** Values that could not be recorded. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Records that the log dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Step records so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Appends a record of the writer's own: its open and close. Throws a RangeError where it is too long for a line. */
  record(body: RecordBody): void {
    this.#write(body);
  }

  /** From now on every call is rejected. */
  end(): void {
    this.#ended = true;
  }

  logStep(metrics: StepMetrics<Shapes>): void {
    try {
      const step = this.#axis('logStep', metrics, 'step');
      if (step === undefined) return;
      const members = this.#typedScalars('logStep', this.#trainKeys, metrics, 'step');
      if (members.size === 0) return;
      // Counted first, as in #append.
      this.#steps += 1;
      this.#begin();
      this.#line.add(STEP_KIND);
      this.#line.addNumber(this.#steps);
      this.#line.add(STEP);
      this.#line.addNumber(step);
      this.#line.add(METRICS);
      // May wait for the next write, at a rate above the log's; so may free rows, and nothing else comes in floods.
      if (!this.#appendRow(members, false)) this.#steps -= 1;
    } catch (error) {
      this.#reject('logStep', '', errorMessage(error));
    }
  }

  logEpoch(metrics: EpochMetrics<Shapes>): void {
    this.#guarded('logEpoch', '', () => this.#logEpoch('epoch', 'logEpoch', this.#epochKeys, metrics));
  }

  logValidation(metrics: ValidationMetrics<Shapes>): void {
    this.#guarded('logValidation', '', () => this.#logEpoch('validation', 'logValidation', this.#valKeys, metrics));
  }

  logFinal(metrics: FinalMetrics<Shapes>): void {
    this.#guarded('logFinal', '', () => {
      const totalSteps =
        field(metrics, 'total_steps') === undefined ? undefined : this.#axis('logFinal', metrics, 'total_steps');
      const members = this.#typedScalars('logFinal', this.#finalKeys, metrics, 'total_steps', totalSteps !== undefined);
      if (members.size === 0 && totalSteps === undefined) return;
      this.#writeRow('final', `${totalSteps === undefined ? '' : `"total_steps":${totalSteps},`}"metrics":`, members);
    });
  }

  logHparams(hparams: Hparams<Shapes>): void {
    this.#guarded('logHparams', '', () => {
      if (!this.#isRow('logHparams', '', hparams)) return;
      const rejectedBefore = this.#rejected;
      const { extra = {}, ...named } = hparams;
      const values = this.#jsonScalars('logHparams', named);
      if (this.#isRow('logHparams', 'extra', extra)) {
        for (const [key, value] of this.#jsonScalars('logHparams', extra)) {
          if (values.has(key)) this.#reject('logHparams', key, 'is given twice: beside extra and within it');
          else values.set(key, value);
        }
      }
      if (values.size === 0) this.#rejectEmpty('logHparams', '', rejectedBefore);
      else this.#write({ kind: 'hparams', hparams: Object.fromEntries(values) });
    });
  }

  log(first: string | ExtraMetrics, second?: ExtraMetrics | StepOption, third?: StepOption): void {
    const series = typeof first === 'string' ? first : undefined;
    try {
      if (this.#ended) this.#reject('log', '', CLOSED);
      else if (series === undefined) this.#logRow(undefined, first, second);
      else if (this.#isKey('log', series)) this.#logRow(series, second, third);
    } catch (error) {
      this.#reject('log', series ?? '', errorMessage(error));
    }
  }

  logSummary(summary: Readonly<Record<string, JsonPrimitive>>, options?: SummaryOptions): void {
    this.#guarded('logSummary', '', () => {
      const prefix = options?.prefix;
      if (prefix !== undefined && !this.#isKey('logSummary', prefix)) return;
      if (!this.#isRow('logSummary', '', summary)) return;
      const rejectedBefore = this.#rejected;
      const values = this.#jsonScalars('logSummary', summary, prefix === undefined ? '' : `${prefix}/`);
      if (values.size === 0) this.#rejectEmpty('logSummary', '', rejectedBefore);
      else this.#write({ kind: 'summary', summary: Object.fromEntries(values) });
    });
  }

  updateConfig(config: JsonObject): void {
    this.#guarded('updateConfig', '', () => {
      const json = toJson(config);
      if (!json.ok) this.#reject('updateConfig', '', json.problem);
      else if (!isJsonObject(json.value)) this.#reject('updateConfig', '', 'is not an object');
      else this.#write({ kind: 'config', config: redactObject(json.value) });
    });
  }

  addTags(tags: readonly string[]): void {
    this.#guarded('addTags', '', () => {
      if (!isList(tags)) return this.#reject('addTags', '', `is ${shown(tags)}: an array of tags is needed`);
      // A copy has no holes, which filter would pass over in silence.
      const wellFormed = [...tags].filter((tag) => this.#isKey('addTags', tag));
      if (wellFormed.length > 0) this.#write({ kind: 'tags', tags: wellFormed });
    });
  }

  defineMetric(metric: string, definition: MetricDefinition): void {
    this.#guarded('defineMetric', metric, () => {
      const { step, summary } = definition;
      if (!this.#isKey('defineMetric', metric) || (step !== undefined && !this.#isKey('defineMetric', step))) return;
      if (summary !== undefined && !this.#isOneOf('defineMetric', metric, summary, SUMMARY_RULES)) return;
      this.#write({
        kind: 'define_metric',
        metric,
        ...(step === undefined ? {} : { step }),
        ...(summary === undefined ? {} : { summary }),
      });
    });
  }

  logTable(key: string, table: Table, options?: StepOption): void {
    this.#guarded('logTable', key, () => {
      const place = this.#keyedPlace('logTable', key, options);
      if (place === undefined) return;
      const json = toJson(table.rows);
      if (!json.ok) return this.#reject('logTable', key, json.problem);
      if (!isJsonArray(json.value)) return this.#reject('logTable', key, 'has rows that are not an array');
      const columns = table.columns.map((column) => column.toWellFormed());
      const rows: (readonly JsonValue[])[] = [];
      for (const row of json.value) {
        if (!isJsonArray(row) || row.length !== columns.length)
          return this.#reject('logTable', key, `row ${rows.length} does not have ${columns.length} cells`);
        rows.push(row);
      }
      this.#write({ kind: 'table', key, columns, rows, ...place });
    });
  }

  logBarChart(key: string, bars: ExtraMetrics, options?: StepOption): void {
    this.#guarded('logBarChart', key, () => {
      const place = this.#keyedPlace('logBarChart', key, options);
      if (place === undefined) return;
      if (!this.#isRow('logBarChart', key, bars)) return;
      const members = this.#scalars('logBarChart', key, this.#rowKeys, bars);
      if (members.size > 0)
        this.#writeRow('bar_chart', `"key":${JSON.stringify(key)},${stepMember(place)}"bars":`, members);
    });
  }

  logHistogram(key: string, values: ArrayLike<number>, options?: HistogramOptions): void {
    this.#guarded('logHistogram', key, () => {
      const place = this.#keyedPlace('logHistogram', key, options);
      if (place === undefined) return;
      const buckets = options?.buckets ?? DEFAULT_BUCKETS;
      if (!Number.isInteger(buckets) || buckets < 1 || buckets > MAX_BUCKETS)
        return this.#reject(
          'logHistogram',
          key,
          `buckets is ${shown(buckets)}: an integer from 1 to ${MAX_BUCKETS} is needed`,
        );
      if (!isRecord(values) || !isStep(values.length))
        return this.#reject('logHistogram', key, 'values are not an array of numbers');
      const { edges, counts, nonFinite } = bucketise(values, buckets);
      this.#write({ kind: 'histogram', key, edges, counts, non_finite: nonFinite, ...place });
    });
  }

  logImage(key: string, image: ImageSource, options?: ImageOptions): void {
    this.#guarded('logImage', key, () => {
      const place = this.#keyedPlace('logImage', key, options);
      if (place === undefined) return;
      const bytes = this.#imageBytes(image);
      if (bytes.length > MAX_IMAGE_BYTES)
        return this.#reject('logImage', key, `has ${bytes.length} bytes; at most ${MAX_IMAGE_BYTES} are allowed`);
      const header = readImageHeader(bytes);
      if (header === undefined)
        return this.#reject('logImage', key, 'is not a PNG, JPEG, GIF, WebP or SVG image, or has no pixel');
      const caption = options?.caption === undefined ? {} : { caption: options.caption.toWellFormed() };
      this.#write({ kind: 'image', key, ...header, ...this.#blobs.put(bytes, header.format), ...caption, ...place });
    });
  }

  logText(key: string, markdown: string, options?: StepOption): void {
    this.#guarded('logText', key, () => {
      const place = this.#keyedPlace('logText', key, options);
      if (place === undefined) return;
      if (this.#isText('logText', key, markdown))
        this.#write({ kind: 'text', key, text: markdown.toWellFormed(), ...place });
    });
  }

  saveFile(path: string, options?: SaveFileOptions): void {
    this.#guarded('saveFile', path, () => {
      const entry = this.#fileEntry('saveFile', path, options?.base);
      if (entry !== undefined) this.#write({ kind: 'file', ...entry });
    });
  }

  logArtifact(artifact: Artifact): void {
    this.#guarded('logArtifact', '', () => {
      const { name, type, aliases = [], metadata = {} } = artifact;
      if (!this.#isKey('logArtifact', name) || !this.#isKey('logArtifact', type)) return;
      const json = toJson(metadata);
      if (!json.ok || !isJsonObject(json.value))
        return this.#reject('logArtifact', name, json.ok ? 'metadata is not an object' : json.problem);
      if (!isList(artifact.files) || !isList(aliases))
        return this.#reject('logArtifact', name, 'has files or aliases that are not an array');
      if (!aliases.every((alias) => this.#isKey('logArtifact', alias))) return;
      const files: FileEntry[] = [];
      for (const path of artifact.files) {
        const entry = this.#fileEntry('logArtifact', path, artifact.base);
        // An artifact is whole or not at all: one missing a file would look complete to those who fetch it.
        if (entry === undefined) return;
        files.push(entry);
      }
      this.#write({ kind: 'artifact', name, type, files, aliases: [...aliases], metadata: redactObject(json.value) });
    });
  }

  alert(alert: Alert): void {
    this.#guarded('alert', '', () => {
      const { title, text, level = 'info' } = alert;
      if (
        !this.#isText('alert', 'title', title) ||
        !this.#isText('alert', 'text', text) ||
        !this.#isOneOf('alert', 'level', level, ALERT_LEVELS)
      )
        return;
      this.#write({
        kind: 'alert',
        title: redactText(title.toWellFormed()),
        text: redactText(text.toWellFormed()),
        level,
      });
    });
  }

  /** Counts and reports a value that cannot be recorded. */
  #reject(call: string, key: string, reason: string): void {
    this.#rejected += 1;
    const shown = key.length > 100 ? `${key.slice(0, 100)}…` : key;
    const id = `${call} ${shown}`;
    if (this.#reported.has(id) || this.#reported.size >= MAX_REPORTED_KEYS) return;
    this.#reported.add(id);
    this.#onRejected({ call, key: shown, reason });
  }

  /** Runs the rest of a call about `key`, which its types promise to be a string. */
  #guarded(call: string, key: unknown, body: () => void): void {
    try {
      if (this.#ended) this.#reject(call, '', CLOSED);
      else body();
    } catch (error) {
      // Whatever a getter, a proxy or the disk throws belongs to the logger, not to training.
      this.#reject(call, typeof key === 'string' ? key : '', errorMessage(error));
    }
  }

  #write(body: RecordBody): void {
    const { kind, ...fields } = body;
    const text = JSON.stringify(fields);
    checkLength(text.length);
    this.#begin();
    this.#line.addText(`,"kind":"${kind}",${text.slice(1)}\n`);
    this.#append(true);
  }

  /** @param fields With the name of the object that the members are in, and its colon. */
  #writeRow(kind: RecordKind, fields: string, members: RowMembers): void {
    this.#begin();
    this.#line.addText(`,"kind":"${kind}",${fields}{`);
    this.#appendRow(members, true);
  }

  /** Begins a line with what is in all of them. */
  #begin(): void {
    const nowMs = this.#nowMs();
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs;
      this.#time = utf8(String(nowMs / 1000));
    }
    this.#line.clear();
    this.#line.add(SEQ);
    this.#line.addNumber(this.#records);
    this.#line.add(TIME);
    this.#line.add(this.#time);
  }

  /** Ends the line at hand with a row's members, and appends it. */
  #appendRow(members: RowMembers, writeNow: boolean): boolean {
    members.writeTo(this.#line);
    this.#line.add(ROW_END);
    return this.#append(writeNow);
  }

  /** Appends the line at hand. */
  #append(writeNow: boolean): boolean {
    checkLength(this.#line.length);
    // Counted first: the log may report a failure from within, and whoever is told may log in turn.
    this.#records += 1;
    if (this.#log.append(this.#line, this.#timeMs, writeNow)) return true;
    // A dropped record takes no number: `seq` stays dense, and the loss is counted.
    this.#records -= 1;
    this.#dropped += 1;
    return false;
  }

  #logEpoch(kind: 'epoch' | 'validation', call: string, keys: CanonicalKeys, metrics: object): void {
    const epoch = this.#axis(call, metrics, 'epoch');
    if (epoch === undefined) return;
    const members = this.#typedScalars(call, keys, metrics, 'epoch');
    if (members.size > 0) this.#writeRow(kind, `"epoch":${epoch},"metrics":`, members);
  }

  #logRow(series: string | undefined, metrics: unknown, options: unknown): void {
    const place = this.#place('log', series, options);
    if (place === undefined || !this.#isRow('log', series, metrics)) return;
    const keys = series === undefined ? this.#rowKeys : this.#seriesKeys.of(series);
    const members = this.#scalars('log', series, keys, metrics);
    if (members.size === 0) return;
    this.#begin();
    this.#line.add(LOG_KIND);
    if (place.step !== undefined) {
      this.#line.add(STEP);
      this.#line.addNumber(place.step);
    }
    if (series !== undefined) this.#line.addText(`,"series":${JSON.stringify(series)}`);
    this.#line.add(METRICS);
    // As steps: in a loop that came from elsewhere these are the steps.
    this.#appendRow(members, false);
  }

  /** The value of a typed row's axis as text; undefined, and rejected, where it is no step. */
  #axis(call: string, row: object, axis: string): number | undefined {
    if (this.#ended) {
      this.#reject(call, '', CLOSED);
      return undefined;
    }
    const value = field(row, axis);
    if (isStep(value)) return value;
    this.#reject(call, axis, `is ${shown(value)}: an integer from 0 to 2^53 - 1 is needed`);
    return undefined;
  }

  /** The step among a call's options; undefined, and rejected, where what is given is none. */
  #place(call: string, key: string | undefined, options: unknown): StepOption | undefined {
    if (options === undefined || options === null) return {};
    if (!isRecord(options)) {
      this.#reject(call, key ?? '', `has ${shown(options)} for options: an object such as { step } is needed`);
      return undefined;
    }
    const { step } = options;
    if (step === undefined) return {};
    if (isStep(step)) return { step };
    this.#reject(call, 'step', `is ${shown(step)}: an integer from 0 to 2^53 - 1 is needed`);
    return undefined;
  }

  #keyedPlace(call: string, key: string, options: unknown): StepOption | undefined {
    return this.#isKey(call, key) ? this.#place(call, key, options) : undefined;
  }

  #isRow(call: string, key: string | undefined, row: unknown): row is Readonly<Record<string, unknown>> {
    if (isRecord(row) && !isList(row)) return true;
    this.#reject(call, key ?? '', `is ${shown(row)}: an object of named values is needed`);
    return false;
  }

  #isText(call: string, key: string, text: unknown): text is string {
    if (typeof text === 'string') return true;
    this.#reject(call, key, `is ${shown(text)}: text is needed`);
    return false;
  }

  #isOneOf(call: string, key: string, value: string, allowed: readonly string[]): boolean {
    if (allowed.includes(value)) return true;
    this.#reject(call, key, `is ${shown(value)}: one of ${allowed.join(', ')} is needed`);
    return false;
  }

  #isKey(call: string, key: unknown): key is string {
    const problem = keyProblem(key);
    if (problem === undefined) return true;
    this.#reject(call, typeof key === 'string' ? key : '', problem);
    return false;
  }

  /** Members of a typed row: its own names, perplexity after a loss, then its further metrics. Read until the next row. */
  #typedScalars(call: string, keys: CanonicalKeys, row: object, axis: string, axisSuffices = false): RowMembers {
    const members = this.#takeRoom();
    if (!this.#isRow(call, '', row)) return members;
    const rejectedBefore = this.#rejected;
    const further = row['metrics'];
    let hasPerplexity = false;
    // In place of Object.keys, here as below: the array of a call's keys would be most of what the call leaves to the collector. The
    // engine leaves out this check, which costs time as Object.hasOwn.
    for (const name in row) {
      if (!Object.prototype.hasOwnProperty.call(row, name) || name === axis || name === 'metrics') continue;
      const value = row[name];
      if (value === undefined) continue;
      this.#addMember(members, call, keys, name, value);
      if (name === 'loss' && typeof value === 'number' && row['perplexity'] === undefined) {
        hasPerplexity = true;
        this.#addMember(members, call, keys, 'perplexity', perplexity(value));
      }
    }
    if (further !== undefined && this.#isRow(call, 'metrics', further)) {
      for (const name in further) {
        if (!Object.prototype.hasOwnProperty.call(further, name)) continue;
        const taken = (Object.hasOwn(row, name) && row[name] !== undefined) || (hasPerplexity && name === 'perplexity');
        if (taken) this.#reject(call, name, 'is given twice: beside the metrics and within them');
        else this.#addMember(members, call, keys, name, further[name]);
      }
    }
    if (members.size === 0 && !axisSuffices) this.#rejectEmpty(call, '', rejectedBefore);
    this.#room = members;
    return members;
  }

  /** Members of a free row. Read until the next row. */
  #scalars(
    call: string,
    rowKey: string | undefined,
    keys: CanonicalKeys,
    metrics: Readonly<Record<string, unknown>>,
  ): RowMembers {
    const members = this.#takeRoom();
    const rejectedBefore = this.#rejected;
    for (const name in metrics)
      if (Object.prototype.hasOwnProperty.call(metrics, name))
        this.#addMember(members, call, keys, name, metrics[name]);
    if (members.size === 0) this.#rejectEmpty(call, rowKey ?? '', rejectedBefore);
    this.#room = members;
    return members;
  }

  #takeRoom(): RowMembers {
    const room = this.#room ?? new RowMembers();
    this.#room = undefined;
    room.clear();
    return room;
  }

  /** A row that had no member, good or bad, is itself what is rejected. */
  #rejectEmpty(call: string, key: string, rejectedBefore: number): void {
    if (this.#rejected === rejectedBefore) this.#reject(call, key, 'holds no value');
  }

  /** Adds a member, or rejects it where it cannot be recorded. */
  #addMember(members: RowMembers, call: string, keys: CanonicalKeys, name: string, value: unknown): void {
    const key = keys.encode(name);
    if (key === undefined) {
      this.#reject(call, name, keyProblem(keys.prefix + name) ?? 'is not a usable key');
      return;
    }
    if (typeof value !== 'number') {
      this.#reject(call, name, `is ${shown(value)}: a number is needed`);
      return;
    }
    members.add(key, value);
  }

  /** Strings, numbers, booleans and nulls of an object, secrets redacted; whatever else it holds is rejected. */
  #jsonScalars(call: string, values: Readonly<Record<string, unknown>>, prefix = ''): Map<string, JsonPrimitive> {
    const kept = new Map<string, JsonPrimitive>();
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined || !this.#isKey(call, name) || !this.#isKey(call, prefix + name)) continue;
      const json = toJson(value);
      const scalar = json.ok ? redactObject({ [name]: json.value })[name] : undefined;
      if (scalar === undefined || (typeof scalar === 'object' && scalar !== null))
        this.#reject(call, name, `is ${shown(value)}: a string, number, boolean or null is needed`);
      else kept.set(prefix + name, scalar);
    }
    return kept;
  }

  #imageBytes(image: ImageSource): Uint8Array {
    if (image instanceof Uint8Array) return image;
    return 'svg' in image ? utf8(image.svg) : this.#blobs.read(image.path);
  }

  #fileEntry(call: string, path: string, base = '.'): FileEntry | undefined {
    const name = relative(resolve(base), resolve(base, path)).split(sep).join('/');
    if (name === '' || name.startsWith('../') || name === '..') {
      this.#reject(call, path, `is not below ${base}`);
      return undefined;
    }
    try {
      return { path: name, ...this.#blobs.copy(resolve(base, path)) };
    } catch (error) {
      this.#reject(call, path, errorMessage(error));
      return undefined;
    }
  }
}

/** Keys of one prefix, encoded once: a trainer logs the same few names millions of times. */
class CanonicalKeys {
  readonly prefix: string;
  readonly #encoded: KnownKeys<RowKey | undefined>;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.#encoded = new KnownKeys((name) =>
      name === '' || keyProblem(prefix + name) !== undefined ? undefined : rowKey(prefix + name),
    );
  }

  /** `"train/loss":`, or undefined where the key cannot be used. */
  encode(name: string): RowKey | undefined {
    return this.#encoded.of(name);
  }
}

function checkLength(bytes: number): void {
  if (bytes > MAX_LINE_BYTES) throw new RangeError(`has ${bytes} bytes as JSON; at most ${MAX_LINE_BYTES} are allowed`);
}

function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'string') return `is a ${typeof key}, not a key`;
  if (key === '') return 'is empty';
  if (key.length > MAX_KEY_LENGTH) return `has ${key.length} characters; at most ${MAX_KEY_LENGTH} are allowed`;
  return key.isWellFormed() ? undefined : 'holds a lone surrogate';
}

function isStep(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function field(row: object, name: string): unknown {
  return isRecord(row) ? row[name] : undefined;
}

/** `"step":5,` or nothing. */
function stepMember({ step }: StepOption): string {
  return step === undefined ? '' : `"step":${step},`;
}

/** A value in a few characters, for a message. */
function shown(value: unknown): string {
  // Redacted before it is cut: half a secret is no longer known by its form.
  if (typeof value === 'string') return JSON.stringify(redactText(value.slice(0, 1000)).slice(0, 40));
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value).slice(0, 40);
}
