// A sink that appends rows to a file, holding its position there, and ends the worker it runs in as its configuration says.
import { isMainThread } from 'node:worker_threads';
import { createJsonlSink } from '@runcast/jsonl';
import type { CreateSink, Sink } from 'runcast';

/** `dir`: of the rows; `at`: the seq at which it ends the worker; `by`: `exit`, `throw` or `reject`, out of turn. */
export const createSink: CreateSink = ({ dir, at, by }): Sink => {
  if (typeof dir !== 'string') throw new TypeError('the configuration has no dir');
  const rows = createJsonlSink({ dir });
  return {
    name: 'mortal',
    traits: rows.traits,
    open: (context) => rows.open?.(context),
    write: (batch) => {
      const written = rows.write(batch);
      if (!isMainThread && batch.records.some(({ seq }) => seq === at)) die(by);
      return written;
    },
    flush: () => rows.flush(),
    close: (outcome) => rows.close(outcome),
    position: () => rows.position?.() ?? null,
  };
};

function die(by: unknown): void {
  const mistake = new Error('a mistake in the sink');
  if (by === 'exit') process.exit(5);
  else if (by === 'reject') void Promise.reject(mistake);
  else
    setImmediate(() => {
      throw mistake;
    });
}
