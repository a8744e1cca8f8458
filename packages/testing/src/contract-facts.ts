/** The facts of the sink contract, one by one. Each stands for something that has gone wrong in some logger. */

import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import {
  TerminalSinkError,
  type JsonValue,
  PositionLostError,
  type RecordBatch,
  type RunStatus,
  type Sink,
  type SinkTraits,
  toJson,
} from '@runcast/core';
import { contractLog, edgeBatch, hugeTextBatch } from './contract-log.ts';
import type { ContractSession } from './contract-session.ts';

/** What decides whether a fact applies. */
interface ContractFeatures {
  readonly traits: SinkTraits;
  readonly failNextWrite?: unknown;
  readonly loseBackend?: unknown;
  readonly uploads?: { readonly failNextUpload?: unknown; readonly holdNextUpload?: unknown };
}

export interface ContractFact {
  readonly name: string;
  /** Why it does not apply; undefined where it does. */
  readonly skipped?: (features: ContractFeatures) => string | undefined;
  /** Why the fact is none of such a sink's, by its traits; undefined where it is. */
  readonly excluded?: (features: ContractFeatures) => string | undefined;
  readonly check: (session: ContractSession) => Promise<void>;
}

const RUN_STATUSES: readonly RunStatus[] = ['finished', 'failed', 'crashed', 'unknown'];

export const CONTRACT_FACTS: readonly ContractFact[] = [
  {
    name: 'has the name and the traits that delivery can work with',
    check: async (session) => {
      const sink = session.create();
      match(sink.name, /^[a-z0-9][a-z0-9-]*$/u);
      deepEqual(sink.traits, session.traits);
      deepEqual(sink.uploads?.kinds, session.uploads?.kinds, 'the kinds that are uploaded');
      if (session.traits.guarantee === 'exactly-once')
        equal(typeof sink.position, 'function', 'exactly once needs a position');
      ok(session.traits.kinds.length > 0, 'it takes no kind of record');
    },
  },
  {
    name: 'opens and closes without records',
    check: async (session) => {
      await session.close(await session.open());
      await session.checkHeld([], 'exactly-once');
    },
  },
  {
    name: 'closes though it was never opened',
    check: async (session) => session.close(session.create(), { status: 'failed', final: true }),
  },
  {
    name: 'holds every record of every kind it takes, in order over several batches',
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const sink = await session.open();
      await session.write(sink, batches);
      await sink.flush();
      await session.checkHeld(batches, 'exactly-once');
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'holds what was written when it is closed without a flush',
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const sink = await session.open();
      await session.write(sink, batches);
      await session.close(sink, { status: 'failed', final: true });
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'takes batches with gaps, and with nothing between from and to',
    check: async (session) => {
      const batches = contractLog(session.traits.kinds).map((batch, index) => ({
        ...batch,
        records: index === 1 ? [] : batch.records.filter((record) => record.seq % 3 !== 1),
      }));
      const sink = await session.open();
      await session.write(sink, batches);
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'keeps the order of each of several writers',
    check: async (session) => {
      const batches = interleaved(session.traits);
      const sink = await session.open();
      await session.write(sink, batches);
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
      await session.checkFiles(batches);
    },
  },
  {
    name: 'flushes without writes, and twice',
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const sink = await session.open();
      await sink.flush();
      await session.write(sink, batches);
      await sink.flush();
      await sink.flush();
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'leaves what it is given as it was',
    check: async (session) => {
      const batches = contractLog(session.traits.kinds).map((batch) => structuredClone(batch));
      const before = structuredClone(batches);
      const sink = await session.open();
      // Not frozen: a sink that changes its input must be seen to, even where it survives being prevented.
      for (const batch of batches) await sink.write(batch);
      await session.close(sink);
      deepEqual(batches, before);
    },
  },
  {
    name: 'keeps unicode, __proto__ keys, non-finite numbers and empty metrics',
    check: async (session) => {
      const batches = [edgeBatch(session.traits.kinds)];
      const sink = await session.open();
      await session.write(sink, batches);
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'keeps a text of ten million characters',
    excluded: ({ traits }) => (traits.kinds.includes('text') ? undefined : 'it takes no text'),
    check: async (session) => {
      const batches = [hugeTextBatch()];
      const sink = await session.open();
      await session.write(sink, batches);
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'works synchronously',
    excluded: ({ traits }) => (traits.locality === 'local' ? undefined : 'it is remote'),
    check: async (session) => {
      const sink = await session.open();
      for (const batch of contractLog(session.traits.kinds)) {
        equal(sink.write(batch), undefined, 'write returned something: a process that exits cannot wait for it');
      }
      equal(sink.flush(), undefined, 'flush returned something: a process that exits cannot wait for it');
    },
  },
  {
    name: 'takes a heartbeat at any time, and holds nothing more for it',
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const sink = await session.open();
      for (const batch of batches) {
        await sink.tick?.(batch.from * 5000);
        await session.write(sink, [batch]);
      }
      await sink.tick?.(1e6);
      await session.close(sink);
      await session.checkHeld(batches, 'exactly-once');
      await session.checkFiles(batches);
    },
  },
  ...RUN_STATUSES.map((status): ContractFact => ({
    name: `goes on in a new instance after a close as ${status} that was not final`,
    excluded: unlessResumes,
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const half = Math.ceil(batches.length / 2);
      const first = await session.open();
      await session.write(first, batches.slice(0, half));
      const position = positionOf(first);
      await session.close(first, { status, final: false });
      const second = await session.open(position);
      await session.write(second, batches.slice(half));
      await session.close(second);
      await session.checkHeld(batches, 'exactly-once');
      await session.checkFiles(batches);
    },
  })),
  {
    name: 'holds everything after a crash at any batch, when what came after the known position is sent again',
    excluded: unlessResumes,
    check: async (session) => {
      const batches = interleaved(session.traits);
      for (let known = 0; known <= batches.length; known += 1) {
        const run = await session.another();
        try {
          await checkCrash(run, batches, known);
        } finally {
          await run.end();
        }
      }
    },
  },
  {
    name: 'holds everything after a recovery that was killed itself',
    excluded: unlessResumes,
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const killed = await session.open();
      await session.write(killed, batches.slice(0, 2));
      const position = positionOf(killed);
      await session.write(killed, batches.slice(2, 4));
      const killedToo = await session.open(position);
      await session.write(killedToo, batches.slice(2, 3));
      const further = positionOf(killedToo);
      await session.write(killedToo, batches.slice(3, 5));
      const next = await session.open(further);
      await session.write(next, batches.slice(3));
      await session.close(next);
      await session.checkHeld(batches, session.traits.guarantee);
      await session.checkFiles(batches);
    },
  },
  {
    name: 'starts over where nothing is known to be delivered',
    excluded: unlessResumes,
    check: async (session) => {
      const batches = contractLog(session.traits.kinds);
      const killed = await session.open();
      await session.write(killed, batches.slice(0, 3));
      const next = await session.open();
      await session.write(next, batches);
      await session.close(next);
      await session.checkHeld(batches, session.traits.guarantee);
      await session.checkFiles(batches);
    },
  },
  {
    name: 'stops where the run was begun before, with or without its position, and leaves what is there',
    excluded: ({ traits }) => (traits.resumes === false ? undefined : 'it takes up runs'),
    check: async (session) => {
      const batches = filledLog(session.traits);
      const [first, second] = batches;
      ok(first !== undefined && second !== undefined);
      const left = await session.open();
      await session.write(left, [first]);
      for (const position of [positionOf(left), undefined]) {
        const next = await session.open(position);
        await rejects(async () => session.write(next, [second]), TerminalSinkError);
        await session.close(next, { status: 'unknown', final: false });
      }
      await session.write(left, batches.slice(1));
      await session.close(left);
      await session.checkHeld(batches, 'exactly-once');
    },
  },
  {
    name: 'has a position that is JSON, and that grows with what is written',
    excluded: unlessExactlyOnce,
    check: async (session) => {
      const batches = filledLog(session.traits);
      const sink = await session.open();
      for (const batch of batches) {
        const before: unknown = sink.position?.();
        deepEqual(JSON.parse(JSON.stringify(before)), before, 'the position does not survive JSON');
        await session.write(sink, [batch]);
        notEqual(
          JSON.stringify(sink.position?.()),
          JSON.stringify(before),
          'the position stood still while a batch was written',
        );
      }
    },
  },
  {
    name: 'tells a failed write, and takes the same batch again with nothing doubled',
    skipped: unlessWritesFail,
    check: async (session) => {
      const batches = filledLog(session.traits);
      const sink = await session.open();
      for (const batch of batches) {
        const before = JSON.stringify(sink.position?.());
        if (session.leavesRows(batch)) await checkWriteFails(session, sink, batch);
        equal(JSON.stringify(sink.position?.()), before, 'the position moved with a write that failed');
        await session.write(sink, [batch]);
      }
      await session.close(sink);
      await session.checkHeld(batches, session.traits.guarantee);
      await session.checkFiles(batches);
    },
  },
  {
    name: 'closes after a failed write, and holds what was written before',
    excluded: unlessResumes,
    skipped: unlessWritesFail,
    check: async (session) => {
      const batches = filledLog(session.traits);
      const [first, second] = batches;
      ok(first !== undefined && second !== undefined);
      const sink = await session.open();
      await session.write(sink, [first]);
      const position = positionOf(sink);
      await checkWriteFails(session, sink, second);
      await session.close(sink, { status: 'failed', final: false });
      const next = await session.open(position);
      await session.write(next, batches.slice(1));
      await session.close(next);
      await session.checkHeld(batches, session.traits.guarantee);
      await session.checkFiles(batches);
    },
  },
  {
    name: 'tells that its position is lost, and starts over',
    excluded: unlessExactlyOnce,
    skipped: ({ loseBackend }) =>
      loseBackend === undefined ? 'its backend cannot be made to lose anything' : undefined,
    check: async (session) => {
      const batches = filledLog(session.traits);
      const [first, ...others] = batches;
      ok(first !== undefined);
      const killed = await session.open();
      await session.write(killed, batches);
      const position = positionOf(killed);
      await session.close(killed, { status: 'unknown', final: false });
      await session.loseBackend();
      await rejects(async () => {
        // A remote sink may not ask its backend before the first write.
        const mistaken = await session.open(position);
        await session.write(mistaken, [first]);
      }, PositionLostError);
      const next = await session.open();
      await session.write(next, [first, ...others]);
      await session.close(next);
      await session.checkHeld(batches, 'exactly-once');
      await session.checkFiles(batches);
    },
  },
  {
    name: 'holds every upload, in order, beside its own writes, when it is closed without a flush',
    excluded: unlessUploads,
    check: async (session) => {
      const { own, uploads } = bothLanes(session);
      const sink = await session.open();
      await Promise.all([session.write(sink, own), session.upload(sink, uploads)]);
      await session.close(sink);
      await session.checkHeld(own, 'exactly-once');
      await session.checkUploaded(uploads, 'exactly-once');
    },
  },
  {
    name: 'goes on writing while an upload takes its time',
    excluded: unlessUploads,
    skipped: ({ uploads }) => (uploads?.holdNextUpload === undefined ? 'its uploads cannot be held up' : undefined),
    check: async (session) => {
      const { own, uploads } = bothLanes(session);
      const sink = await session.open();
      const letGo = await session.holdNextUpload();
      const uploading = session.upload(sink, uploads);
      const writing = session.write(sink, own);
      const winner = await Promise.race([writing.then(() => 'writes'), uploading.then(() => 'uploads'), aWhile()]);
      letGo();
      await Promise.all([writing, uploading]);
      equal(winner, 'writes', 'the writes waited for an upload');
      await session.close(sink);
      await session.checkHeld(own, 'exactly-once');
      await session.checkUploaded(uploads, 'exactly-once');
    },
  },
  {
    name: 'holds every upload after a crash at any of them, when what came after the known position is sent again',
    excluded: unlessUploads,
    check: async (session) => {
      const { own, uploads } = bothLanes(session);
      for (let known = 0; known <= uploads.length; known += 1) {
        const run = await session.another();
        try {
          const killed = await run.open();
          await run.write(killed, own);
          await run.upload(killed, uploads.slice(0, known));
          const [position, uploadPosition] = [positionOf(killed), positionOf(killed.uploads)];
          await run.upload(killed, uploads.slice(known));
          const next = await run.open(position, uploadPosition);
          await run.upload(next, uploads.slice(known));
          await run.close(next);
          await run.checkHeld(own, run.traits.guarantee);
          await run.checkUploaded(uploads, uploadGuarantee(run));
        } finally {
          await run.end();
        }
      }
    },
  },
  {
    name: 'tells a failed upload, and takes it again with nothing doubled',
    excluded: unlessUploads,
    skipped: ({ uploads }) =>
      uploads?.failNextUpload === undefined ? 'its uploads cannot be made to fail' : undefined,
    check: async (session) => {
      const { uploads } = bothLanes(session);
      const sink = await session.open();
      for (const batch of uploads) {
        await session.failNextUpload();
        await rejects(async () => session.upload(sink, [batch]), 'the upload failed and nobody was told');
        await session.upload(sink, [batch]);
      }
      await session.close(sink);
      await session.checkUploaded(uploads, uploadGuarantee(session));
    },
  },
];

/** Longer than a log of this size takes to write, where nothing holds it up. */
const HELD_UP_MS = 2_000;

function aWhile(): Promise<string> {
  return new Promise((resolve) => {
    setTimeout(resolve, HELD_UP_MS, 'neither').unref();
  });
}

function unlessUploads({ uploads }: ContractFeatures): string | undefined {
  return uploads === undefined ? 'it has no uploads' : undefined;
}

function uploadGuarantee({ uploads, traits }: ContractSession): SinkTraits['guarantee'] {
  return uploads?.guarantee ?? traits.guarantee;
}

/** A log as each of the lanes is given it, without batches that hold nothing for it. */
function bothLanes({ traits, uploads }: ContractSession): {
  readonly own: readonly RecordBatch[];
  readonly uploads: readonly RecordBatch[];
} {
  return { own: filledLog(traits), uploads: filledLog({ kinds: uploads?.kinds ?? [] }) };
}

function unlessResumes({ traits }: ContractFeatures): string | undefined {
  return traits.resumes === false ? 'it takes up no run' : undefined;
}

function unlessExactlyOnce({ traits }: ContractFeatures): string | undefined {
  return traits.guarantee === 'exactly-once' ? undefined : 'it delivers at least once';
}

function unlessWritesFail(features: ContractFeatures): string | undefined {
  return features.failNextWrite === undefined ? 'its writes cannot be made to fail' : undefined;
}

/** A log's batches that hold something for the sink. */
function filledLog(traits: Pick<SinkTraits, 'kinds'>): readonly RecordBatch[] {
  return contractLog(traits.kinds).filter((batch) => batch.records.length > 0);
}

/** Batches of three writers in turn. */
function interleaved(traits: SinkTraits): readonly RecordBatch[] {
  const logs = [0, 1, 2].map((ordinal) => contractLog(traits.kinds, ordinal, 3));
  const turns = Math.max(...logs.map((log) => log.length));
  return Array.from({ length: turns }, (_, turn) => logs.flatMap((log) => log.slice(turn, turn + 1))).flat();
}

/** All batches are with the backend when the process is killed, of which the first `known` are known to be. */
async function checkCrash(session: ContractSession, batches: readonly RecordBatch[], known: number): Promise<void> {
  const killed = await session.open();
  await session.write(killed, batches.slice(0, known));
  const position = positionOf(killed);
  await session.write(killed, batches.slice(known));
  const next = await session.open(position);
  await session.write(next, batches.slice(known));
  await session.close(next);
  await session.checkHeld(batches, session.traits.guarantee);
  await session.checkFiles(batches);
}

/** The position as delivery has it after a restart: read from a file. */
function positionOf(lane: Pick<Sink, 'position'> | undefined): JsonValue | undefined {
  const position = lane?.position?.();
  if (position === undefined) return undefined;
  const restored = toJson(JSON.parse(JSON.stringify(position)));
  ok(restored.ok);
  return restored.value;
}

async function checkWriteFails(session: ContractSession, sink: Sink, batch: RecordBatch): Promise<void> {
  await session.failNextWrite();
  await rejects(async () => session.write(sink, [batch]), 'the write failed and nobody was told');
}
