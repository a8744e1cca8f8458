// How many logStep calls of a trainer have returned, told in a way that outlives kill -9 and cannot be ahead of the calls:
// after each call the trainer overwrites eight bytes of a file, and a write that has returned is with the kernel.
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs';

const BYTES = 8;

/** Opens the count at 0. Returns what stores it anew. */
export function openReturnedSteps(path: string): (steps: number) => void {
  const fd = openSync(path, 'w');
  const bytes = new DataView(new ArrayBuffer(BYTES));
  return (steps) => {
    bytes.setFloat64(0, steps);
    writeSync(fd, bytes, 0, BYTES, 0);
  };
}

/** The count that was stored last; 0 where the trainer did not get as far. */
export function readReturnedSteps(path: string): number {
  if (!existsSync(path)) return 0;
  const bytes = readFileSync(path);
  return bytes.length < BYTES ? 0 : bytes.readDoubleBE(0);
}
