/**
 * How far a run has been delivered to a backend that is on no one machine, kept in Redis as well: a relay that takes over on
 * another machine has no cursor of its own, and goes on from this one. It is stored before each batch, with the batch that is
 * about to be sent, so that the successor sends that batch again at the same place and nothing before it.
 */

import { isJsonObject, PositionLostError, toJson, type JsonValue, type RecordBatch, type Sink } from '@runcast/core';
import { CursorStore, type LaneName } from '@runcast/delivery';
import { LOG_START, withRunLogs, type LogPosition, type RunDirectory, type RunLogs } from '@runcast/runlog';
import { z } from 'zod';

/** A cursor without what only the machine knows on which the log is: offsets. */
export interface SharedCursor {
  /** The last `seq` of each writer that was delivered. */
  readonly delivered: ReadonlyMap<string, number>;
  /** What the sink returned as its position. */
  readonly position: JsonValue | undefined;
  /** The batch that may or may not have arrived: everything of `writer` up to `to`. */
  readonly intent: { readonly writer: string; readonly to: number } | undefined;
}

const seqSchema = z.int().min(-1);
const schema = z.object({
  v: z.literal(1),
  delivered: z.record(z.string(), seqSchema),
  position: z.json().optional(),
  intent: z.object({ writer: z.string(), to: seqSchema }).optional(),
});

export function encodeCursor({ delivered, position, intent }: SharedCursor): string {
  return JSON.stringify({ v: 1, delivered: Object.fromEntries(delivered), position, intent });
}

/** Undefined where the text is no cursor of this version. */
export function decodeCursor(text: string): SharedCursor | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const json = toJson(value);
  const parsed = schema.safeParse(json.ok && isJsonObject(json.value) ? json.value : undefined);
  if (!parsed.success) return undefined;
  const { delivered, position, intent } = parsed.data;
  return { delivered: new Map(Object.entries(delivered)), position, intent };
}

/** The cursor of a sink or its uploads as it is stored here, by its name; empty where nothing was delivered. */
export function sharedCursor(directory: RunDirectory, name: string): SharedCursor {
  const { delivered, position, intent } = new CursorStore(directory, name).read();
  return {
    delivered: new Map([...delivered].map(([writer, { seq }]) => [writer, seq])),
    position,
    intent: intent === undefined ? undefined : { writer: intent.writer, to: intent.next.seq },
  };
}

/** True where the logs hold everything that the cursor speaks of, so that the batch in question can be made again. */
export function hasLogsFor(directory: RunDirectory, { delivered, intent }: SharedCursor): boolean {
  return withRunLogs(directory.logDirectory, (logs) => {
    const needed = new Map(delivered);
    if (intent !== undefined) needed.set(intent.writer, intent.to);
    return [...needed].every(([writer, seq]) => logs.writers.includes(writer) && logs.reader(writer).lastSeq() >= seq);
  });
}

/** Makes the cursor the one of that name in this directory, with the offsets of the logs here. */
export function restoreCursor(directory: RunDirectory, name: string, cursor: SharedCursor): void {
  const { delivered, position, intent } = cursor;
  withRunLogs(directory.logDirectory, (logs) => {
    new CursorStore(directory, name).write({
      delivered: new Map([...delivered].map(([writer, seq]) => [writer, positionOf(logs, writer, seq)])),
      position,
      intent:
        intent === undefined ? undefined : { writer: intent.writer, next: positionOf(logs, intent.writer, intent.to) },
    });
  });
}

function positionOf(logs: RunLogs, writer: string, seq: number): LogPosition {
  if (!logs.writers.includes(writer)) return { ...LOG_START, seq };
  const reader = logs.reader(writer);
  return reader.locate({ seq, offset: reader.size() });
}

/** What a mirrored sink asks of those who keep its cursors. */
export interface CursorMirror {
  /** Where the lane stands when the sink is opened. */
  readonly start: (lane: LaneName) => SharedCursor;
  /** Rejects where the cursor cannot be kept. */
  readonly keep: (lane: LaneName, cursor: SharedCursor) => Promise<void>;
}

/**
 * The sink, with the cursor of each of its lanes kept before each batch. A batch whose cursor cannot be kept is not sent:
 * another relay may be sending it.
 */
export function mirrored(sink: Sink, mirror: CursorMirror): Sink {
  const main = mirroredLane(sink, 'main', mirror);
  const { uploads } = sink;
  const uploading = uploads === undefined ? undefined : mirroredLane(uploads, 'uploads', mirror);
  return {
    name: sink.name,
    traits: sink.traits,
    ...(sink.logEveryNSteps === undefined ? {} : { logEveryNSteps: sink.logEveryNSteps }),
    ...(uploads === undefined || uploading === undefined
      ? {}
      : { uploads: { kinds: uploads.kinds, write: uploading.write, ...positionOfLane(uploads) } }),
    open: (context) => sink.open?.(context),
    write: main.write,
    flush: async () => {
      await sink.flush();
      await main.keepNow();
      await uploading?.keepNow();
    },
    close: (outcome) => sink.close(outcome),
    ...positionOfLane(sink),
    ...(sink.pauseMs === undefined ? {} : { pauseMs: (behind: boolean) => sink.pauseMs?.(behind) ?? 0 }),
    ...(sink.tick === undefined ? {} : { tick: (now: number) => sink.tick?.(now) }),
  };
}

/** A sink, or its uploads. */
type Lane = Pick<Sink, 'write' | 'position'>;

function positionOfLane(lane: Lane): Pick<Sink, 'position'> {
  return lane.position === undefined ? {} : { position: () => lane.position?.() ?? null };
}

function mirroredLane(
  lane: Lane,
  name: LaneName,
  { start, keep }: CursorMirror,
): { readonly write: (batch: RecordBatch) => Promise<void>; readonly keepNow: () => Promise<void> } {
  let { delivered } = start(name);
  const keepWith = (intent: SharedCursor['intent']): Promise<void> =>
    keep(name, { delivered, position: lane.position?.(), intent });
  return {
    write: async (batch) => {
      await keepWith({ writer: batch.writer, to: batch.to });
      try {
        await lane.write(batch);
      } catch (error) {
        if (error instanceof PositionLostError) delivered = goneBack(delivered, error.held);
        throw error;
      }
      delivered = new Map(delivered).set(batch.writer, batch.to);
    },
    keepNow: () => keepWith(undefined),
  };
}

function goneBack(
  delivered: ReadonlyMap<string, number>,
  held: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> {
  return new Map([...delivered].map(([writer, seq]) => [writer, Math.min(seq, held.get(writer) ?? seq)]));
}
