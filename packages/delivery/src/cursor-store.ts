/**
 * What one sink has been given of a run, kept beside the log in `cursors/<sink>.json`: the last `seq` of every writer, the
 * backend's own position, and the batch that may or may not have arrived. Replaced in one step, so a reader sees the state
 * before a batch or after it.
 */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { errorCode, type JsonValue } from '@runcast/core';
import { LOG_START, writeWhole, type LogPosition, type RunDirectory } from '@runcast/runlog';

/** Made with the first cursor that is read: a schema takes more than most of what importing does. */
let cursorSchema: ReturnType<typeof makeCursorSchema> | undefined;

function makeCursorSchema() {
  const logPosition = z.object({ seq: z.int().min(-1), offset: z.int().min(0) });
  return z.object({
    v: z.literal(1),
    delivered: z.record(z.string(), logPosition),
    position: z.json().optional(),
    intent: z.object({ writer: z.string(), next: logPosition }).optional(),
  });
}

/** A batch about to be handed over: everything of `writer` up to `next`. After a crash the very same batch is sent again. */
export interface Intent {
  readonly writer: string;
  readonly next: LogPosition;
}

export interface Cursor {
  readonly delivered: ReadonlyMap<string, LogPosition>;
  /** What the sink returned as its position; undefined where it has none. */
  readonly position: JsonValue | undefined;
  readonly intent: Intent | undefined;
}

export const EMPTY_CURSOR: Cursor = { delivered: new Map(), position: undefined, intent: undefined };

export function deliveredPosition(cursor: Cursor, writer: string): LogPosition {
  return cursor.delivered.get(writer) ?? LOG_START;
}

export class CursorStore {
  readonly path: string;

  constructor(directory: RunDirectory, sink: string) {
    this.path = join(directory.cursorDirectory, `${sink}.json`);
  }

  /** The stored cursor, empty where there is none or it is damaged: sending again is what a sink with a position undoes. */
  read(): Cursor {
    cursorSchema ??= makeCursorSchema();
    const stored = cursorSchema.safeParse(this.#parse());
    if (!stored.success) return EMPTY_CURSOR;
    const { delivered, position, intent } = stored.data;
    return { delivered: new Map(Object.entries(delivered)), position, intent };
  }

  /** Makes the directory again where it was removed. Throws the system's error. */
  write(cursor: Cursor): void {
    const { delivered, position, intent } = cursor;
    const text = `${JSON.stringify({ v: 1, delivered: Object.fromEntries(delivered), position, intent })}\n`;
    try {
      writeWhole(this.path, text);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      mkdirSync(dirname(this.path), { recursive: true });
      writeWhole(this.path, text);
    }
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #parse(): unknown {
    try {
      return JSON.parse(readFileSync(this.path, 'utf8'));
    } catch (error) {
      if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}
