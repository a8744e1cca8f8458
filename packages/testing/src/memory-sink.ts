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
  type RecordKind,
  type RunRecord,
  type Sink,
  type SinkContext,
  type SinkOutcome,
  type SinkTraits,
  type UploadLane,
} from '@runcast/core';

/** One record as the backend holds it. */
export interface MemoryEntry {
  readonly writer: string;
  readonly record: RunRecord;
}

/** A list that outlives the sinks that write to it, as a file or a table does. */
export interface MemoryStore {
  readonly entries: readonly MemoryEntry[];
  /** Adds at the end. Where a failure is due, half of the entries are added and it is thrown. */
  append(entries: readonly MemoryEntry[]): void;
  /** Keeps the first `length` entries. */
  cut(length: number): void;
  failNextAppend(error?: Error): void;
}

/** What a sink writes to, and beside it what it uploads. */
export interface MemoryBackend extends MemoryStore {
  readonly uploads: MemoryStore;
  /** Makes the next upload wait until what this returns is called. */
  holdNextUpload(): () => void;
  /** What an upload has to wait for; undefined where it has not. Asking takes the hold off. */
  takeHold(): Promise<void> | undefined;
}

export function createMemoryBackend(): MemoryBackend {
  let hold: Promise<void> | undefined;
  return {
    ...createMemoryStore(),
    uploads: createMemoryStore(),
    holdNextUpload: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      hold = promise;
      return resolve;
    },
    takeHold: () => {
      const taken = hold;
      hold = undefined;
      return taken;
    },
  };
}

function createMemoryStore(): MemoryStore {
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
  | { readonly method: 'upload'; readonly batch: RecordBatch }
  | { readonly method: 'flush' }
  | { readonly method: 'tick'; readonly now: number }
  | { readonly method: 'close'; readonly outcome: SinkOutcome };

export interface MemorySinkOptions {
  /** `memory` where left out. */
  readonly name?: string;
  /** Every kind, exactly once, local, where left out. A sink that delivers at least once has no position. */
  readonly traits?: Partial<SinkTraits>;
  readonly logEveryNSteps?: number;
  /** Kinds of its upload lane; it has none where left out. */
  readonly uploads?: readonly RecordKind[];
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
  const uploadLane = (kinds: readonly RecordKind[]): UploadLane => ({
    kinds,
    write: (batch) => {
      called({ method: 'upload', batch }, 'open');
      const hold = backend.takeHold();
      return hold === undefined
        ? appendWhole(backend.uploads, batch)
        : hold.then(() => appendWhole(backend.uploads, batch));
    },
    ...(exactlyOnce ? { position: () => ({ entries: backend.uploads.entries.length }) } : {}),
  });
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
      if (exactlyOnce && options.uploads !== undefined)
        backend.uploads.cut(knownLength(context.uploadPosition, backend.uploads));
      state = 'open';
    },
    write: (batch) => {
      called({ method: 'write', batch }, 'open');
      appendWhole(backend, batch);
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
    ...(options.uploads === undefined ? {} : { uploads: uploadLane(options.uploads) }),
  };
}

/** All of the batch, or nothing of it. */
function appendWhole(store: MemoryStore, batch: RecordBatch): void {
  const before = store.entries.length;
  try {
    store.append(batch.records.map((record) => ({ writer: batch.writer, record })));
  } catch (error) {
    store.cut(before);
    throw error;
  }
}

function knownLength(position: JsonValue | undefined, backend: MemoryStore): number {
  if (position === undefined) return 0;
  const length = isJsonObject(position) ? position['entries'] : undefined;
  if (typeof length !== 'number')
    throw new PositionLostError(`${JSON.stringify(position)} is no position of a memory sink`);
  if (length > backend.entries.length) {
    throw new PositionLostError(`the backend holds ${backend.entries.length} entries where ${length} were expected`);
  }
  return length;
}
