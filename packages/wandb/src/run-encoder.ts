/** From records to what W&B is told of them: lines of the history and of system metrics, summary, configuration, alerts. Pure. */

import {
  isJsonObject,
  type AlertRecord,
  type JsonObject,
  type JsonValue,
  type LogRecord,
  type RecordBatch,
  type RecordRefusal,
  type RunRecord,
  type RunStatus,
} from '@runcast/core';
import { summaryMark } from './join-run.ts';
import {
  axisBeside,
  historyFields,
  HistoryLines,
  historyKey,
  MAX_LINE_BYTES,
  type HistoryWrite,
} from './history-lines.ts';
import {
  eachField,
  isEmpty,
  objectText,
  roundedSeconds,
  valueText,
  type Field,
  type Fields,
  type FieldValue,
} from './json-text.ts';
import { barChartPanel, histogramValue, mediaFile, type MediaOptions, type MediaRecord } from './media.ts';
import { MetricDefinitions } from './metric-definitions.ts';
import type { RunState } from './run-state.ts';
import { RunSummary } from './run-summary.ts';

/**
 * What a batch comes to, and the state behind it. Never an object literal with accessors: each of those gets a hidden class of its
 * own, which holds what they close over, here the whole batch, until the next full collection of garbage.
 */
export interface EncodedBatch {
  readonly state: RunState;
  /** Records that can never be shown; if there are any, nothing else counts. */
  readonly refusals: readonly RecordRefusal[];
  /** To be taken, or those of them that are closed: a sink wants the one or the other, and their text is most of the work. */
  readonly lines: HistoryLines;
  readonly events: HistoryWrite;
  /** The summary is not as before. */
  readonly summaryChanged: boolean;
  /** Configuration, tags or identity are not as before. */
  readonly runChanged: boolean;
  readonly alerts: readonly AlertRecord[];
}

/** Axes of what logStep, logEpoch and logValidation record, and where a free row stands that its line does not. */
export const STEP_AXIS = 'train/step';
export const EPOCH_AXIS = 'epoch';
export const FREE_AXIS = 'log/step';

/** Encodes a batch of any writer. The same state and records come to the same bytes. */
export function encodeBatch(state: RunState, batch: RecordBatch, media: MediaOptions): EncodedBatch {
  const encoder = new BatchEncoder(state, media);
  for (const record of batch.records) encoder.add(record);
  return encoder.end(batch);
}

/** How a process that ended so would have exited, as W&B tells finished from failed; null where nobody ended it. */
export function exitCodeOf(status: RunStatus): number | null {
  switch (status) {
    case 'finished':
    // A process that ended by itself with code 0, but for whom nobody said how it went.
    case 'unknown':
      return 0;
    case 'failed':
      return 1;
    // W&B finds out by itself, as the run gives no more sign of life.
    case 'crashed':
      return null;
    default:
      return status satisfies never;
  }
}

/** Configuration as W&B keeps it: each item wrapped, its own under `_wandb`, where a run is marked as this log's. */
export function configText(state: RunState): string {
  const panels = Object.fromEntries(state.charts.map((key) => [key, barChartPanel(key)]));
  const { own: others, ...base } = state.base;
  const othersPanels = isJsonObject(others['visualize']) ? others['visualize'] : {};
  const own: JsonObject = {
    // Without `t` W&B's own client takes the run for one that never began.
    t: {},
    ...others,
    runcast: { writer: state.identity?.writer ?? '', ...base },
    ...(state.metrics.length === 0 ? {} : { m: new MetricDefinitions(state.metrics).encoded() }),
    ...(state.charts.length === 0 ? {} : { visualize: { ...othersPanels, ...panels } }),
  };
  const items = [...state.config, ['_wandb', own] as const].map(([key, value]): Field => [key, valueText({ value })]);
  return objectText(items);
}

/**
 * The whole summary.
 *
 * @param lines Lines of the history there are when it arrives.
 */
export function summaryText(state: RunState, lines: number): string {
  return objectText([
    ...state.summary,
    ['_wandb', summaryMark(runtimeOf(state.summary), state.identity?.writer ?? '', lines)],
  ]);
}

/** Whole seconds from the run's beginning to its newest row. */
export function runtimeOf(summary: RunState['summary']): number {
  const runtime = Number(summary.find(([key]) => key === '_runtime')?.[1] ?? 0);
  return Math.max(0, Math.floor(runtime));
}

class BatchEncoder {
  readonly #before: RunState;
  readonly #media: MediaOptions;
  readonly #history: HistoryLines;
  readonly #metrics: MetricDefinitions;
  readonly #summary: RunSummary;
  readonly #config: Map<string, JsonValue>;
  readonly #tags: Set<string>;
  readonly #charts: Set<string>;
  readonly #events: string[] = [];
  readonly #alerts: AlertRecord[] = [];
  readonly #refusals: RecordRefusal[] = [];
  #exitCode: number | null;
  /** Where the newest row is. */
  #newest: { readonly step: number; readonly time: number } | undefined;
  #summaryChanged = false;
  #runChanged = false;

  constructor(state: RunState, media: MediaOptions) {
    this.#before = state;
    this.#media = media;
    this.#exitCode = state.exit_code;
    this.#history = new HistoryLines(state.history, state.start);
    this.#metrics = new MetricDefinitions(state.metrics);
    this.#summary = new RunSummary(state.summary, state.gathered);
    this.#config = new Map(state.config);
    this.#tags = new Set(state.tags);
    this.#charts = new Set(state.charts);
  }

  end({ writer, to }: RecordBatch): EncodedBatch {
    if (this.#newest !== undefined) this.#placeSummary(this.#newest);
    const state: RunState = {
      identity: this.#before.identity,
      start: this.#before.start,
      writers: [...new Map(this.#before.writers).set(writer, to)],
      base: this.#before.base,
      history: this.#history.state(),
      events: this.#before.events + this.#events.length,
      config: [...this.#config],
      tags: [...this.#tags],
      metrics: this.#metrics.entries(),
      charts: [...this.#charts],
      summary: this.#summary.texts(),
      gathered: [...this.#summary.gathered],
      exit_code: this.#exitCode,
    };
    return {
      state,
      refusals: this.#refusals,
      lines: this.#history,
      events: { offset: this.#before.events, content: this.#events },
      summaryChanged: this.#summaryChanged,
      runChanged: this.#runChanged,
      alerts: this.#alerts,
    };
  }

  add(record: RunRecord): void {
    switch (record.kind) {
      case 'open':
        this.#open(record);
        return;
      case 'step':
        this.#axis(STEP_AXIS, 'train/*');
        this.#row(record, record.step, historyFields(record.metrics), [STEP_AXIS, record.step]);
        return;
      case 'epoch':
        this.#axis(EPOCH_AXIS, 'epoch/*');
        this.#row(record, undefined, historyFields(record.metrics), [EPOCH_AXIS, record.epoch]);
        return;
      case 'validation':
        this.#axis(EPOCH_AXIS, 'val/*');
        this.#row(record, undefined, historyFields(record.metrics), [EPOCH_AXIS, record.epoch]);
        return;
      case 'log':
        this.#log(record);
        return;
      case 'final':
        if (record.total_steps !== undefined) this.#set('final/total_steps', record.total_steps);
        eachField(historyFields(record.metrics), (key, value) => this.#set(key, value));
        return;
      case 'summary':
        for (const [key, value] of Object.entries(record.summary)) this.#set(historyKey(key), valueText(value));
        return;
      case 'hparams':
        this.#configure(record.hparams);
        return;
      case 'config':
        this.#configure(record.config);
        return;
      case 'tags':
        this.#tag(record.tags);
        return;
      case 'define_metric':
        if (this.#metrics.define(record.metric, record.step, record.summary)) this.#runChanged = true;
        return;
      case 'histogram':
        this.#histogram(record);
        return;
      case 'bar_chart':
        if (!this.#charts.has(record.key)) this.#runChanged = true;
        this.#charts.add(record.key);
        this.#mediaRow(record);
        return;
      case 'table':
      case 'image':
      case 'text':
        this.#mediaRow(record);
        return;
      case 'system':
        this.#system(record);
        return;
      case 'alert':
        this.#alerts.push(record);
        return;
      case 'close':
        if (record.final) this.#exitCode = exitCodeOf(record.status);
        return;
      // Bytes without a row: the other lane sends them.
      case 'file':
      case 'artifact':
        return;
      default:
        record satisfies never;
    }
  }

  #open(record: Extract<RunRecord, { kind: 'open' }>): void {
    // A run that is taken up again has not ended.
    if (record.role === 'owner') this.#exitCode = null;
    this.#configure(record.config);
    if (record.tags !== undefined) this.#tag(record.tags);
  }

  #log(record: LogRecord): void {
    const fields = historyFields(record.metrics);
    const { series, step } = record;
    if (series === undefined) {
      this.#row(record, step, fields, undefined, FREE_AXIS);
      return;
    }
    const axis = `${series}/step`;
    this.#axis(axis, `${series}/*`);
    this.#row(record, undefined, fields, step === undefined ? undefined : [axis, step]);
  }

  #histogram(record: Extract<RunRecord, { kind: 'histogram' }>): void {
    const key = historyKey(record.key);
    const value = { [key]: valueText(histogramValue(record)) };
    const fields = record.non_finite > 0 ? { ...value, [`${key}/non_finite`]: record.non_finite } : value;
    this.#row(record, record.step, fields, undefined);
  }

  #mediaRow(record: MediaRecord): void {
    const file = mediaFile(record, this.#media);
    if (file === undefined) return;
    if (typeof file === 'string') this.#refusals.push({ seq: record.seq, reason: file });
    else this.#row(record, record.step, { [historyKey(file.key)]: valueText(file.reference) }, undefined);
  }

  #row(record: RunRecord, step: number | undefined, fields: Fields, ownAxis: Field | undefined, truth?: string): void {
    if (isEmpty(fields)) return;
    const { time } = record;
    const axis = axisBeside(fields, ownAxis);
    const placed = this.#history.add({ step, time, fields, axis, truth });
    if (placed === undefined) {
      this.#refusals.push({
        seq: record.seq,
        reason: `the row is longer than the ${MAX_LINE_BYTES} bytes that W&B takes`,
      });
      return;
    }
    eachField(fields, this.#summarise);
    if (axis !== undefined) this.#summarise(...axis);
    const newest = { step: placed, time };
    // Their place among the keys is that of the first row, their values are the last one's.
    if (this.#newest === undefined) this.#placeSummary(newest);
    this.#newest = newest;
    this.#summaryChanged = true;
  }

  readonly #summarise = (key: string, value: FieldValue): void => {
    this.#summary.log(key, value, this.#metrics.ruleOf(key));
  };

  #placeSummary({ step, time }: { readonly step: number; readonly time: number }): void {
    this.#summary.set('_step', step);
    this.#summary.set('_timestamp', time);
    this.#summary.set('_runtime', roundedSeconds(time - this.#before.start));
  }

  #system(record: Extract<RunRecord, { kind: 'system' }>): void {
    const fields = systemFields(record).map(([key, value]): Field => [`system.${key}`, value]);
    const runtime = roundedSeconds(record.time - this.#before.start);
    this.#events.push(objectText([['_wandb', 'true'], ['_timestamp', record.time], ['_runtime', runtime], ...fields]));
  }

  #axis(axis: string, metrics: string): void {
    if (this.#metrics.hasStep(metrics)) return;
    if (this.#metrics.define(metrics, axis, undefined)) this.#runChanged = true;
  }

  #set(key: string, value: FieldValue): void {
    this.#summary.set(key, value);
    this.#summaryChanged = true;
  }

  #configure(config: JsonObject): void {
    for (const [key, value] of Object.entries(config)) {
      // W&B's own, which a configuration must not take the place of.
      this.#config.set(key === '_wandb' ? 'config/_wandb' : key, value);
      this.#runChanged = true;
    }
  }

  #tag(tags: readonly string[]): void {
    for (const tag of tags) {
      if (!this.#tags.has(tag)) this.#runChanged = true;
      this.#tags.add(tag);
    }
  }
}

/** System metrics as W&B's page knows them, but for `system.` before each: `cpu`. */
export function systemFields({ metrics }: Extract<RunRecord, { kind: 'system' }>): readonly Field[] {
  return Object.entries(historyFields(metrics)).map(([key, value]) => [
    key.replace(/^system[/.]/u, '').replaceAll('/', '.'),
    value,
  ]);
}
