/**
 * Sinks that are wrong on purpose, each in one way that real ones have been. The contract suite is tested with them, and so
 * can be whatever else should notice.
 */

import type { JsonValue, RecordBatch, RecordKind, RunRecord, Scalar, Sink, UploadLane } from '@runcast/core';
import { createMemorySink, type MemoryBackend, type MemoryEntry, type MemorySink } from './memory-sink.ts';
import { closeRecord } from './record-builders.ts';

export interface BrokenSink {
  /** What it does wrong. */
  readonly fault: string;
  /** The fact of the contract that it breaks. It may break others too. */
  readonly caughtBy: string;
  /** The kinds of its upload lane, where it has one. */
  readonly uploads?: readonly RecordKind[];
  /** An instance on a backend, where a right one would be a memory sink. */
  readonly createSink: (backend: MemoryBackend) => Sink;
}

const UPLOADED = ['image', 'file', 'artifact'] as const;

export const BROKEN_SINKS: readonly BrokenSink[] = [
  broken(
    'reorders the records of a batch',
    'holds every record of every kind it takes, in order over several batches',
    (sink) => ({
      write: (batch) => sink.write({ ...batch, records: batch.records.toReversed() }),
    }),
  ),
  broken('loses the last batch', 'holds every record of every kind it takes, in order over several batches', (sink) => {
    let held: RecordBatch | undefined;
    return {
      write: (batch) => {
        if (held !== undefined) sink.write(held);
        held = batch;
      },
    };
  }),
  broken(
    'keeps what it was given until a flush, and closes without one',
    'holds what was written when it is closed without a flush',
    (sink) => {
      const held: RecordBatch[] = [];
      return {
        write: (batch) => {
          held.push(batch);
        },
        flush: () => {
          for (const batch of held.splice(0)) sink.write(batch);
        },
      };
    },
  ),
  broken(
    'swallows the error of a write',
    'tells a failed write, and takes the same batch again with nothing doubled',
    (sink) => ({
      write: (batch) => {
        try {
          sink.write(batch);
        } catch {
          // This is the fault: nobody is told.
        }
      },
    }),
  ),
  broken(
    'keeps half a batch whose write failed',
    'tells a failed write, and takes the same batch again with nothing doubled',
    (sink) => ({
      write: (batch) => sink.backend.append(entriesOf(batch)),
    }),
  ),
  broken(
    'fails for ever after one failure',
    'tells a failed write, and takes the same batch again with nothing doubled',
    (sink) => {
      let failure: unknown;
      return {
        write: (batch) => {
          if (failure !== undefined) throw new Error('failed before', { cause: failure });
          try {
            sink.write(batch);
          } catch (error) {
            failure = error;
            throw error;
          }
        },
      };
    },
  ),
  broken(
    'throws when it is closed after a failure',
    'closes after a failed write, and holds what was written before',
    (sink) => {
      let failure: unknown;
      return {
        write: (batch) => {
          try {
            sink.write(batch);
          } catch (error) {
            failure = error;
            throw error;
          }
        },
        close: (outcome) => {
          sink.close(outcome);
          if (failure !== undefined) throw new Error('closed after a failure', { cause: failure });
        },
      };
    },
  ),
  broken(
    'doubles what is sent again after a crash',
    'holds everything after a crash at any batch, when what came after the known position is sent again',
    (sink) => ({
      open: (context) => sink.open({ ...context, position: { entries: sink.backend.entries.length } }),
    }),
  ),
  broken(
    'takes every opening for the first',
    'holds everything after a crash at any batch, when what came after the known position is sent again',
    (sink) => ({
      open: (context) => sink.open({ ...context, position: undefined }),
    }),
  ),
  broken(
    'goes on behind what an attempt without a position has left',
    'starts over where nothing is known to be delivered',
    (sink) => ({
      open: (context) =>
        sink.open({ ...context, position: context.position ?? { entries: sink.backend.entries.length } }),
    }),
  ),
  broken(
    'tells the position before its last write',
    'holds everything after a recovery that was killed itself',
    (sink) => {
      let before: JsonValue | undefined;
      return {
        write: (batch) => {
          before = { entries: sink.backend.entries.length };
          sink.write(batch);
        },
        position: () => before ?? { entries: sink.backend.entries.length },
      };
    },
  ),
  broken(
    'has a position that JSON cannot hold',
    'has a position that is JSON, and that grows with what is written',
    (sink) => ({
      position: () => ({ entries: sink.backend.entries.length, lag: Number.NaN }),
    }),
  ),
  {
    fault: 'has no position',
    caughtBy: 'has the name and the traits that delivery can work with',
    createSink: (backend) => ({
      ...createMemorySink({ backend, traits: { guarantee: 'at-least-once' } }),
      traits: createMemorySink().traits,
    }),
  },
  broken('does not notice that its position is lost', 'tells that its position is lost, and starts over', (sink) => ({
    open: (context) => {
      try {
        sink.open(context);
      } catch {
        sink.open({ ...context, position: undefined });
      }
    },
  })),
  broken('changes what it is given', 'leaves what it is given as it was', (sink) => ({
    write: (batch) => {
      for (const record of batch.records) if ('metrics' in record) Reflect.set(record.metrics, 'written', 1);
      sink.write(batch);
    },
  })),
  broken(
    'copies metrics by assignment, and so loses __proto__',
    'keeps unicode, __proto__ keys, non-finite numbers and empty metrics',
    (sink) => ({
      write: (batch) => sink.write({ ...batch, records: batch.records.map(withAssignedMetrics) }),
    }),
  ),
  broken(
    'leaves out what is not finite',
    'keeps unicode, __proto__ keys, non-finite numbers and empty metrics',
    (sink) => ({
      write: (batch) => sink.write({ ...batch, records: batch.records.map(withoutNonFinite) }),
    }),
  ),
  broken('cuts long texts', 'keeps a text of ten million characters', (sink) => ({
    write: (batch) =>
      sink.write({
        ...batch,
        records: batch.records.map((record) =>
          record.kind === 'text' ? { ...record, text: record.text.slice(0, 65_536) } : record,
        ),
      }),
  })),
  broken(
    'leaves out a kind that its traits name',
    'holds every record of every kind it takes, in order over several batches',
    (sink) => ({
      write: (batch) => sink.write({ ...batch, records: batch.records.filter((record) => record.kind !== 'alert') }),
    }),
  ),
  broken('stops at a gap', 'takes batches with gaps, and with nothing between from and to', (sink) => ({
    write: (batch) => {
      const gap = batch.records.findIndex((record, index) => record.seq !== batch.from + index);
      sink.write({ ...batch, records: gap === -1 ? batch.records : batch.records.slice(0, gap) });
    },
  })),
  broken('knows records by their number, whoever wrote them', 'keeps the order of each of several writers', (sink) => ({
    write: (batch) => {
      const known = new Set(sink.records().map((record) => record.seq));
      sink.write({ ...batch, records: batch.records.filter((record) => !known.has(record.seq)) });
    },
  })),
  broken(
    'stumbles over a batch of nothing',
    'takes batches with gaps, and with nothing between from and to',
    (sink) => ({
      write: (batch) => {
        if (batch.records.length === 0) throw new RangeError('nothing to write');
        sink.write(batch);
      },
    }),
  ),
  broken('stumbles over a flush without writes', 'flushes without writes, and twice', (sink) => ({
    flush: () => {
      if (sink.calls.at(-1)?.method !== 'write') throw new RangeError('nothing to flush');
      sink.flush();
    },
  })),
  broken('stumbles when it is closed without having been opened', 'closes though it was never opened', (sink) => ({
    close: (outcome) => {
      if (!sink.calls.some((call) => call.method === 'open')) throw new Error('never opened');
      sink.close(outcome);
    },
  })),
  broken('says it is local and works asynchronously', 'works synchronously', (sink) => ({
    write: async (batch) => {
      await Promise.resolve();
      sink.write(batch);
    },
  })),
  broken(
    'writes its heartbeat among the records',
    'takes a heartbeat at any time, and holds nothing more for it',
    (sink) => ({
      tick: () => {
        const [first] = sink.backend.entries;
        if (first !== undefined) sink.backend.append([first]);
      },
    }),
  ),
  broken(
    'ends the run for good when it is only handed on',
    'goes on in a new instance after a close as finished that was not final',
    (sink) => ({
      close: (outcome) => {
        if (!outcome.final) sink.backend.cut(0);
        sink.close(outcome);
      },
    }),
  ),
  broken('leaves a trace of a run without records', 'opens and closes without records', (sink) => ({
    close: (outcome) => {
      if (sink.records().length === 0) sink.backend.append([{ writer: 'nobody', record: closeRecord() }]);
      sink.close(outcome);
    },
  })),
  brokenUploads(
    'loses the last upload',
    'holds every upload, in order, beside its own writes, when it is closed without a flush',
    (_sink, upload) => {
      let held: RecordBatch | undefined;
      return {
        upload: (batch) => {
          const before = held;
          held = batch;
          return before === undefined ? undefined : upload(before);
        },
      };
    },
  ),
  brokenUploads(
    'uploads out of order',
    'holds every upload, in order, beside its own writes, when it is closed without a flush',
    (_sink, upload) => ({ upload: (batch) => upload({ ...batch, records: batch.records.toReversed() }) }),
  ),
  brokenUploads(
    'lets its writes wait for an upload',
    'goes on writing while an upload takes its time',
    (sink, upload) => {
      let uploading: void | Promise<void>;
      return {
        upload: (batch) => (uploading = upload(batch)),
        write: async (batch) => {
          await uploading;
          sink.write(batch);
        },
      };
    },
  ),
  brokenUploads(
    'swallows the error of an upload',
    'tells a failed upload, and takes it again with nothing doubled',
    (_sink, upload) => ({
      upload: (batch) => {
        try {
          return upload(batch);
        } catch {
          // This is the fault: nobody is told.
          return undefined;
        }
      },
    }),
  ),
  brokenUploads(
    'begins its uploads anew after a crash',
    'holds every upload after a crash at any of them, when what came after the known position is sent again',
    (sink) => ({ open: (context) => sink.open({ ...context, uploadPosition: undefined }) }),
  ),
  broken('has a name that is no file name', 'has the name and the traits that delivery can work with', () => ({
    name: 'My Sink/1',
  })),
];

function broken(fault: string, caughtBy: string, differ: (sink: MemorySink) => Partial<Sink>): BrokenSink {
  return {
    fault,
    caughtBy,
    createSink: (backend) => {
      const sink = createMemorySink({ backend });
      return { ...sink, ...differ(sink) };
    },
  };
}

type Upload = UploadLane['write'];

function brokenUploads(
  fault: string,
  caughtBy: string,
  differ: (sink: MemorySink, upload: Upload) => Partial<Sink> & { readonly upload?: Upload },
): BrokenSink {
  return {
    fault,
    caughtBy,
    uploads: UPLOADED,
    createSink: (backend) => {
      const sink = createMemorySink({ backend, uploads: UPLOADED });
      const lane = sink.uploads;
      if (lane === undefined) throw new TypeError('a memory sink with kinds to upload has a lane for them');
      const { upload = (batch) => lane.write(batch), ...others } = differ(sink, (batch) => lane.write(batch));
      return { ...sink, ...others, uploads: { ...lane, write: upload } };
    },
  };
}

function entriesOf(batch: RecordBatch): readonly MemoryEntry[] {
  return batch.records.map((record) => ({ writer: batch.writer, record }));
}

function withAssignedMetrics(record: RunRecord): RunRecord {
  if (!('metrics' in record)) return record;
  const metrics: Record<string, Scalar> = {};
  for (const [key, value] of Object.entries(record.metrics)) metrics[key] = value;
  return { ...record, metrics };
}

function withoutNonFinite(record: RunRecord): RunRecord {
  if (!('metrics' in record)) return record;
  const finite = Object.entries(record.metrics).filter(([, value]) => typeof value === 'number');
  return { ...record, metrics: Object.fromEntries(finite) };
}
