/**
 * A sink that keeps records in memory, with a recorder of everything it was told. It keeps the whole sink contract, so that
 * tests of delivery rest on a backend that is right, and it objects to calls that delivery must not make.
 */

import {
  type JsonValue,
  isJsonObject,
  PositionLostError,
  RECORD_KINDS,
  type RecordBatch,
  type RunRecord,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
} from '@runcast/core';

/** One record as the backend holds it. */
export interface MemoryEntry {
  readonly writer: string;
  readonly record: RunRecord;
}

/** What outlives the sinks that write to it, as a file or a server does. */
export interface MemoryBackend {
  readonly entries: readonly MemoryEntry[];
  /** Adds at the end. Where a failure is due, half of the entries are added and it is thrown. */
  append(entries: readonly MemoryEntry[]): void;
  /** Keeps the first `length` entries. */
  cut(length: number): void;
  failNextAppend(error?: Error): void;
}

export function createMemoryBackend(): MemoryBackend {
  const entries: MemoryEntry[] = [];
  let failure: Error | undefined;
  return {
    entries,
    append: (added) => {
      const error = failure;
      failure = undefined;
      entries.push(...(error === undefined ? added : added.slice(0, Math.ceil(added.length / 2))));
      if (error !== undefined) throw error;
    },
    cut: (length) => {
      entries.splice(length);
    },
    failNextAppend: (error = new Error('the backend is full')) => {
      failure = error;
    },
  };
}

/** A call as it was made. */
export type SinkCall =
  | { readonly method: 'open'; readonly context: SinkContext }
  | { readonly method: 'write'; readonly batch: RecordBatch }
  | { readonly method: 'flush' }
  | { readonly method: 'tick'; readonly now: number }
  | { readonly method: 'close'; readonly outcome: SinkOutcome };

export interface MemorySinkOptions {
  /** `memory` where left out. */
  readonly name?: string;
  /** Every kind, exactly once, local, where left out. A sink that delivers at least once has no position. */
  readonly traits?: Partial<SinkTraits>;
  readonly logEveryNSteps?: number;
  /** Give the same backend to several sinks to open a run again. */
  readonly backend?: MemoryBackend;
}

export interface MemorySink extends Sink {
  readonly open: (context: SinkContext) => void;
  readonly write: (batch: RecordBatch) => void;
  readonly flush: () => void;
  readonly tick: (now: number) => void;
  readonly close: (outcome: SinkOutcome) => void;
  readonly backend: MemoryBackend;
  /** All calls of this instance, failed ones too. */
  readonly calls: readonly SinkCall[];
  /** What the backend holds, without the writers. */
  readonly records: () => readonly RunRecord[];
}

/**
 * Every method throws an Error where the sink contract forbids the call: a second open, a write before open, any call after
 * close.
 */
export function createMemorySink(options: MemorySinkOptions = {}): MemorySink {
  const backend = options.backend ?? createMemoryBackend();
  const traits: SinkTraits = { kinds: RECORD_KINDS, guarantee: 'exactly-once', locality: 'local', ...options.traits };
  const exactlyOnce = traits.guarantee === 'exactly-once';
  const calls: SinkCall[] = [];
  let state: 'new' | 'open' | 'closed' = 'new';
  const called = (call: SinkCall, ...allowed: readonly (typeof state)[]): void => {
    calls.push(call);
    if (!allowed.includes(state)) throw new Error(`${call.method} was called on a sink that is ${state}`);
  };
  return {
    name: options.name ?? 'memory',
    traits,
    ...(options.logEveryNSteps === undefined ? {} : { logEveryNSteps: options.logEveryNSteps }),
    backend,
    calls,
    records: () => backend.entries.map((entry) => entry.record),
    open: (context) => {
      called({ method: 'open', context }, 'new');
      if (exactlyOnce) backend.cut(knownLength(context.position, backend));
      state = 'open';
    },
    write: (batch) => {
      called({ method: 'write', batch }, 'open');
      const before = backend.entries.length;
      try {
        backend.append(batch.records.map((record) => ({ writer: batch.writer, record })));
      } catch (error) {
        backend.cut(before);
        throw error;
      }
    },
    flush: () => {
      called({ method: 'flush' }, 'open');
    },
    tick: (now) => {
      called({ method: 'tick', now }, 'open');
    },
    close: (outcome) => {
      called({ method: 'close', outcome }, 'new', 'open');
      state = 'closed';
    },
    ...(exactlyOnce ? { position: () => ({ entries: backend.entries.length }) } : {}),
  };
}

function knownLength(position: JsonValue | undefined, backend: MemoryBackend): number {
  if (position === undefined) return 0;
  const length = isJsonObject(position) ? position['entries'] : undefined;
  if (typeof length !== 'number')
    throw new PositionLostError(`${JSON.stringify(position)} is no position of a memory sink`);
  if (length > backend.entries.length) {
    throw new PositionLostError(`the backend holds ${backend.entries.length} entries where ${length} were expected`);
  }
  return length;
}
