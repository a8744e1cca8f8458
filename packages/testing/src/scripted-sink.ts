/**
 * A sink that fails as a test scripts it: some writes fail, some hang, some records are refused for ever. What it accepts is
 * in a memory sink.
 */

import {
  type RecordBatch,
  type RecordRefusal,
  RecordsRefusedError,
  RetryableSinkError,
  type RunRecord,
  type Sink,
  TerminalSinkError,
} from '@runcast/core';
import { createMemorySink, type MemorySink } from './memory-sink.ts';

/** How one write is answered: accepted, failed with an error, or held until the test releases it. */
export type ScriptedAnswer = 'accept' | 'hang' | Error;

export interface ScriptedSinkOptions {
  /** Answers to writes, in order; writes after the last one are accepted. */
  readonly answers?: readonly ScriptedAnswer[];
  /** The reason for which a record is refused for ever, or undefined to accept it. */
  readonly refuse?: (record: RunRecord) => string | undefined;
  /** Where accepted records go. A new memory sink where left out. */
  readonly memory?: MemorySink;
}

export interface ScriptedSink extends Sink {
  readonly memory: MemorySink;
  /** Every batch that came, whatever became of it. */
  readonly attempts: readonly RecordBatch[];
  /** Resolves as soon as a write hangs; at once if one does. */
  readonly hanging: () => Promise<void>;
  /** Lets the write that hangs go on and be accepted. Throws where none does. */
  readonly release: () => void;
}

/** `times` failures that may be repeated. */
export function failing(
  times: number,
  message = 'the backend is down',
  retryAfterMs?: number,
): readonly ScriptedAnswer[] {
  return Array.from(
    { length: times },
    () => new RetryableSinkError(message, retryAfterMs === undefined ? {} : { retryAfterMs }),
  );
}

/** The failure after which a sink stops. */
export function terminal(message = 'the key is not known'): ScriptedAnswer {
  return new TerminalSinkError(message);
}

export function createScriptedSink(options: ScriptedSinkOptions = {}): ScriptedSink {
  const memory = options.memory ?? createMemorySink({ name: 'scripted' });
  const answers = [...(options.answers ?? [])];
  const attempts: RecordBatch[] = [];
  let nextHang = Promise.withResolvers<void>();
  let goOn: (() => void) | undefined;
  const write = (batch: RecordBatch): void | Promise<void> => {
    attempts.push(batch);
    const answer = answers.shift() ?? 'accept';
    if (answer instanceof Error) throw answer;
    const refusals = batch.records.flatMap((record): readonly RecordRefusal[] => {
      const reason = options.refuse?.(record);
      return reason === undefined ? [] : [{ seq: record.seq, reason }];
    });
    if (refusals.length > 0) throw new RecordsRefusedError(refusals);
    if (answer === 'accept') return memory.write(batch);
    const released = Promise.withResolvers<void>();
    goOn = released.resolve;
    nextHang.resolve();
    return released.promise.then(() => memory.write(batch));
  };
  return {
    ...memory,
    memory,
    attempts,
    write,
    hanging: () => nextHang.promise,
    release: () => {
      if (goOn === undefined) throw new Error('no write hangs');
      goOn();
      goOn = undefined;
      nextHang = Promise.withResolvers();
    },
  };
}
