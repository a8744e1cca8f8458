/** How far a sink is by what its lanes have stored: what others than its delivery go by. A record is there when both have passed it. */

import { existsSync } from 'node:fs';
import type { LogPosition, RunDirectory } from '@runcast/runlog';
import { CursorStore, deliveredPosition } from './cursor-store.ts';
import type { LaneName } from './sink-calls.ts';

/** The name of a lane's cursor. No sink has a dot in its name. */
export function cursorName(sink: string, lane: LaneName): string {
  return lane === 'main' ? sink : `${sink}.uploads`;
}

export interface StoredPositions {
  /** Of which the sink has been given something, or has passed it over. */
  readonly writers: readonly string[];
  /** The position up to which the sink has everything of a writer. */
  readonly of: (writer: string) => LogPosition;
}

/** As the cursors are now. Throws the system's error. */
export function storedPositions(directory: RunDirectory, sink: string): StoredPositions {
  const main = new CursorStore(directory, cursorName(sink, 'main')).read();
  const uploadStore = new CursorStore(directory, cursorName(sink, 'uploads'));
  // A sink with uploads has their cursor from its first opening.
  const uploads = existsSync(uploadStore.path) ? uploadStore.read() : main;
  return {
    writers: [...main.delivered.keys()],
    of: (writer) => earlier(deliveredPosition(main, writer), deliveredPosition(uploads, writer)),
  };
}

export function earlier(one: LogPosition, other: LogPosition): LogPosition {
  return one.seq <= other.seq ? one : other;
}
