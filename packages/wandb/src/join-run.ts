/**
 * Where to go on, when the server knows the run already: at the position, over what an interrupted batch left there, behind what
 * somebody else has added, or from the start. Lines are never taken back and never written over by others.
 */

import { isJsonObject, toJson, type JsonObject, type JsonValue } from '@runcast/core';
import { z } from 'zod';
import type { HistoryWrite } from './history-lines.ts';
import { parseJsonText, valueText } from './json-text.ts';
import { decodeMetrics } from './metric-definitions.ts';
import type { ServerRunStatus } from './operations.ts';
import { NEW_RUN, type RunIdentity, type RunState } from './run-state.ts';

/** How a run is taken up. */
export interface JoinedRun {
  /** To encode the first batch from. */
  readonly state: RunState;
  readonly server: ServerLines;
  /** What the user should know; undefined where nothing is unusual. */
  readonly notice: string | undefined;
}

/** Lines of the history that are on the server already. */
export interface ServerLines {
  /** Lines up to which they are this log's, the same to the last byte, but that the last may lack what came to it later. */
  readonly own: number;
  /** Lines there are; those behind `own` are somebody else's. */
  readonly lines: number;
  readonly events: number;
  /** The last line as text; empty where it is not told. */
  readonly last: string;
}

const marker = z.object({
  writer: z.string(),
  lines: z.int().min(0),
  events: z.int().min(0),
  step: z.number().nullable(),
});
const texts = z.array(z.string());

/** What the server lacks of the lines that `state`, a position, knows; undefined where it has them all. */
export function missingLines(state: RunState, status: ServerRunStatus | undefined, where: string): string | undefined {
  if (status === undefined) return `W&B has no run ${where} any more`;
  const { lines } = serverLines(status, writerOf(state), state.history.lines);
  const { lines: expected } = state.history;
  return lines < expected ? `W&B has ${lines} rows of ${where} where ${expected} were sent` : undefined;
}

/** Takes up the run behind the lines that `state`, a position, knows, and what an interrupted batch has added to them. */
export function resumeAt(state: RunState, status: ServerRunStatus | undefined, where: string): JoinedRun {
  return joinedAt(state, writerOf(state), status, where);
}

function joinedAt(state: RunState, writer: string, status: ServerRunStatus | undefined, where: string): JoinedRun {
  const server = serverLines(status, writer, state.history.lines);
  const others = server.lines - server.own;
  const notice =
    others === 0 ? undefined : `W&B has ${others} rows of ${where} that are not this log's; rows are added behind them`;
  return { state, server, notice };
}

/** Takes up the run of which nothing is known to be delivered: new, begun by the same log before, or somebody else's. */
export function joinRun(identity: RunIdentity, status: ServerRunStatus | undefined, where: string): JoinedRun {
  const nothing = { own: 0, lines: 0, events: 0, last: '' };
  const fresh: JoinedRun = { state: NEW_RUN, server: nothing, notice: undefined };
  if (status === undefined) return fresh;
  const config = objectOf(status.config);
  const own = memberOf(config['_wandb']);
  const mark = marker.safeParse(own['runcast']);
  if (mark.success && mark.data.writer === identity.writer) {
    const { writer: _, ...base } = mark.data;
    const history = { lines: base.lines, step: base.step, open: null };
    const state = { ...NEW_RUN, base: { ...base, own: {} }, history, events: base.events };
    return joinedAt(state, identity.writer, status, where);
  }
  const server = serverLines(status, identity.writer, status.historyLineCount ?? 0);
  const { lines, events, last } = server;
  if (lines === 0 && Object.keys(own).length === 0) return fresh;
  const step = stepOf(last);
  const { runcast: _, m: metrics, ...others } = own;
  const summary = Object.entries(objectOf(status.summaryMetrics)).map(
    ([key, value]) => [key, wordText(value)] as const,
  );
  const configured = Object.entries(config)
    .filter(([key]) => key !== '_wandb')
    .map(([key, item]) => [key, unwrapped(item)] as const);
  return {
    state: {
      ...NEW_RUN,
      base: { lines, events, step, own: others },
      history: { lines, step, open: null },
      events,
      config: configured,
      tags: status.tags ?? [],
      metrics: decodeMetrics(metrics),
      summary,
    },
    server,
    notice: `W&B has a run ${where} with ${lines} rows that is not this log's; rows are added behind them`,
  };
}

/** What has to be sent of `write`, and where, so that what is on the server is neither written over nor doubled. */
export function unsent(write: HistoryWrite, server: ServerLines): HistoryWrite {
  const { own, lines, last } = server;
  const sent = write.content.filter((line, index) => {
    const at = write.offset + index;
    return at >= own || (at === own - 1 && own === lines && !isPartOf(line, last));
  });
  const end = write.offset + write.content.length;
  const shift = lines - own;
  return { offset: end - sent.length + (end > own ? shift : 0), content: sent };
}

/** The state behind what is on the server; the same where the run has not come so far yet, or nobody else's lines are there. */
export function behindOthers(state: RunState, { own, lines, events, last }: ServerLines): RunState {
  const { history } = state;
  if (history.lines < own || lines === own) return state;
  const there = stepOf(last);
  const step = there === null ? history.step : Math.max(there, history.step ?? there);
  const open = history.lines === own ? null : history.open;
  return {
    ...state,
    history: { lines: history.lines + lines - own, step, open },
    events: Math.max(events, state.events),
  };
}

/** The summary's own part, by which it is known later how many lines are this log's. */
export function summaryMark(runtime: number, writer: string, lines: number): string {
  return valueText({ runtime, runcast: { writer, lines } });
}

const summaryMarkSchema = z.object({ runcast: z.object({ writer: z.string(), lines: z.int().min(0) }) });

/** @param known Lines that are known to be this log's. */
function serverLines(status: ServerRunStatus | undefined, writer: string, known: number): ServerLines {
  const { historyLineCount, eventsLineCount, historyTail, summaryMetrics } = status ?? {};
  const tail = texts.safeParse(parseJsonText(historyTail ?? ''));
  const mark = summaryMarkSchema.safeParse(objectOf(summaryMetrics)['_wandb']);
  const marked = mark.success && mark.data.runcast.writer === writer ? mark.data.runcast.lines : 0;
  // A server that counts late has at least what its summary speaks of.
  const lines = Math.max(historyLineCount ?? 0, marked);
  return {
    own: Math.min(Math.max(known, marked), lines),
    lines,
    events: eventsLineCount ?? 0,
    last: tail.success ? (tail.data.at(-1) ?? '') : '',
  };
}

function writerOf({ identity }: RunState): string {
  return identity?.writer ?? '';
}

function stepOf(line: string): number | null {
  const step = objectOf(line)['_step'];
  return typeof step === 'number' && Number.isSafeInteger(step) ? step : null;
}

/** A line may have got further keys since. */
function isPartOf(line: string, whole: string): boolean {
  const members = objectOf(whole);
  const entries = Object.entries(objectOf(line));
  return entries.length > 0 && entries.every(([key, value]) => valueText(value) === textOf(members[key]));
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : valueText(value);
}

function objectOf(text: string | null | undefined): JsonObject {
  const json = toJson(parseJsonText(text ?? ''));
  return json.ok && isJsonObject(json.value) ? json.value : {};
}

function memberOf(item: JsonValue | undefined): JsonObject {
  const value = unwrapped(item ?? null);
  return isJsonObject(value) ? value : {};
}

function unwrapped(item: JsonValue): JsonValue {
  return isJsonObject(item) ? (item['value'] ?? null) : item;
}

/** A top-level word was a number. */
function wordText(value: JsonValue): string {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? value : valueText(value);
}
