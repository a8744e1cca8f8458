/** A module that a spec can name: sinks that write what they are told to a file, and fail as their configuration says. */

import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { TerminalSinkError, type CreateSink, type RecordBatch } from '@runcast/core';

/**
 * `path`: a file that gets a line for each record and call. `fail`: `open` rejects, `exit` and `throw` end the worker at the
 * record of that seq (never the main thread), `hang` never answers a write, `terminal` stops. `here`: false where only a
 * worker may open it. `uploads`: true where epochs are uploaded,
 * `here` where only the main thread does so.
 */
export const createSink: CreateSink = (config) => {
  const { path, fail, seq } = config;
  if (typeof path !== 'string') throw new TypeError('the configuration has no path');
  const say = (line: string): void => appendFileSync(path, `${line}\n`);
  return {
    name: typeof config['name'] === 'string' ? config['name'] : 'file',
    traits: { kinds: ['step', 'close'], guarantee: 'at-least-once', locality: 'local' },
    open: () => {
      if (fail === 'open' || (isMainThread && config['here'] === false)) throw new Error('the sink cannot be opened');
      say(isMainThread ? 'open here' : 'open in a worker');
    },
    write: (batch) => {
      if (fail === 'hang') return new Promise(() => undefined);
      if (fail === 'terminal') throw new TerminalSinkError('the key is not known');
      if (!isMainThread && batch.records.some((record) => record.seq === seq)) {
        if (fail === 'exit') process.exit(3);
        if (fail === 'throw')
          setImmediate(() => {
            throw new Error('an asynchronous mistake');
          });
      }
      for (const record of batch.records) say(`${batch.writer} ${record.seq}`);
      return undefined;
    },
    ...(config['uploads'] === true || (isMainThread && config['uploads'] === 'here')
      ? {
          uploads: {
            kinds: ['epoch'],
            write: ({ records }: RecordBatch): void => {
              for (const { seq: uploaded } of records) say(`upload ${uploaded}`);
            },
          },
        }
      : {}),
    flush: () => say('flush'),
    close: () => say('close'),
  };
};
