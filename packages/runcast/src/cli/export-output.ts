/** Where an export goes: the output, or a file that has its name only once it is whole. */

import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { CliStream } from './command.ts';

const PIECE_LENGTH = 65_536;

export interface ExportOutput {
  write(text: string): void;
  /** Everything is written. */
  complete(): void;
  /** Leaves nothing of it. Does nothing after {@link complete}. */
  abandon(): void;
}

export function streamOutput(stream: CliStream): ExportOutput {
  return { write: (text) => stream.write(text), complete: () => undefined, abandon: () => undefined };
}

/** Replaces what the file held. Throws the system's error, as its methods do. */
export function fileOutput(path: string): ExportOutput {
  const draft = `${path}.${process.pid}.tmp`;
  const fd = openSync(draft, 'w');
  let pending = '';
  let open = true;
  const flush = (): void => {
    const bytes = Buffer.from(pending);
    pending = '';
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  };
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    write(text) {
      pending += text;
      if (pending.length >= PIECE_LENGTH) flush();
    },
    complete() {
      flush();
      close();
      renameSync(draft, path);
    },
    abandon() {
      close();
      // Gone where it has got its name.
      rmSync(draft, { force: true });
    },
  };
}
