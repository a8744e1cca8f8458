/** One backend, one run and the sinks that come and go on it: what a fact of the contract is checked with. */

import { AssertionError } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonValue, RecordBatch, RecordKind, Sink, SinkOutcome, SinkTraits } from '@runcast/core';
import { CONTRACT_RUN_ID, writeContractBlobs } from './contract-log.ts';
import { checkHeldRows, type ExpectedRows } from './held-rows.ts';
import type { SinkContract } from './sink-contract.ts';

export interface ContractSession {
  readonly traits: SinkTraits;
  /** Of the sink's upload lane; undefined where it has none. */
  readonly uploads: { readonly kinds: readonly RecordKind[]; readonly guarantee: SinkTraits['guarantee'] } | undefined;
  /** A new instance, not opened. */
  readonly create: () => Sink;
  /** A new instance, opened. One that was opened before and not closed is from then on a process that was killed. */
  readonly open: (position?: JsonValue, uploadPosition?: JsonValue) => Promise<Sink>;
  /** Writes batches that nobody can change. */
  readonly write: (sink: Sink, batches: readonly RecordBatch[]) => Promise<void>;
  /** The same with the sink's upload lane. */
  readonly upload: (sink: Sink, batches: readonly RecordBatch[]) => Promise<void>;
  readonly close: (sink: Sink, outcome?: SinkOutcome) => Promise<void>;
  /** The batch comes to rows: writing one that does not may have nothing that could fail. */
  readonly leavesRows: (batch: RecordBatch) => boolean;
  /** The backend holds what the batches hold, in order, as often as the guarantee says. */
  readonly checkHeld: (batches: readonly RecordBatch[], guarantee: SinkTraits['guarantee']) => Promise<void>;
  /** Where the backend is files: they are the same as if one sink had written the batches without a pause. */
  readonly checkFiles: (batches: readonly RecordBatch[]) => Promise<void>;
  /** The backend holds what the batches hold of the kinds that are uploaded. */
  readonly checkUploaded: (batches: readonly RecordBatch[], guarantee: SinkTraits['guarantee']) => Promise<void>;
  readonly failNextWrite: () => Promise<void>;
  readonly failNextUpload: () => Promise<void>;
  /** Makes the next upload take until what this resolves to is called. */
  readonly holdNextUpload: () => Promise<() => void>;
  readonly loseBackend: () => Promise<void>;
  /** Another session, on a backend of its own; ended by whoever asked for it. */
  readonly another: () => Promise<ContractSession>;
  /** Closes what is still open and removes everything. */
  readonly end: () => Promise<void>;
}

const FINISHED: SinkOutcome = { status: 'finished', final: true };

export async function openContractSession<Backend>(contract: SinkContract<Backend>): Promise<ContractSession> {
  const runDirectory = mkdtempSync(join(tmpdir(), 'runcast-contract-'));
  writeContractBlobs(runDirectory);
  const backend = await contract.prepare({ runId: CONTRACT_RUN_ID, runDirectory });
  const unclosed = new Set<Sink>();
  const create = (): Sink => {
    const sink = contract.createSink(backend);
    unclosed.add(sink);
    return sink;
  };
  const killed = new AbortController();
  const open = async (position?: JsonValue, uploadPosition?: JsonValue): Promise<Sink> => {
    const sink = create();
    await sink.open?.({
      runId: CONTRACT_RUN_ID,
      runDirectory,
      position: deepFreeze(position),
      uploadPosition: deepFreeze(uploadPosition),
      signal: killed.signal,
      notify: () => undefined,
    });
    return sink;
  };
  const close = async (sink: Sink, outcome: SinkOutcome = FINISHED): Promise<void> => {
    unclosed.delete(sink);
    await sink.close(outcome);
  };
  const end = async (): Promise<void> => {
    killed.abort();
    for (const sink of unclosed) {
      try {
        await sink.close({ status: 'unknown', final: false });
      } catch {
        // It stands for a killed process, or has failed the fact already: only what it holds open matters now.
      }
    }
    await contract.release?.(backend);
    rmSync(runDirectory, { recursive: true });
  };
  const { uploads } = contract;
  return {
    traits: contract.traits,
    uploads,
    create,
    open,
    write: (sink, batches) => eachFrozen(batches, (batch) => sink.write(batch)),
    upload: (sink, batches) => eachFrozen(batches, (batch) => sink.uploads?.write(batch)),
    close,
    leavesRows: (batch) => rowsByWriter([batch], contract.expectedRows).some(({ rows }) => rows.length > 0),
    checkHeld: async (batches, guarantee) => {
      const expected = rowsByWriter(batches, contract.expectedRows);
      checkHeldRows(expected, await contract.readBack(backend), guarantee);
    },
    checkUploaded: async (batches, guarantee) => {
      const expected = rowsByWriter(batches, uploads?.expectedRows);
      checkHeldRows(expected, (await uploads?.readBack(backend)) ?? [], guarantee);
    },
    checkFiles: async (batches) => {
      if (contract.readFiles === undefined) return;
      const files = await contract.readFiles(backend);
      checkSameFiles(await filesWithoutPause({ ...contract, readFiles: contract.readFiles }, batches), files);
    },
    failNextWrite: async () => contract.failNextWrite?.(backend),
    failNextUpload: async () => uploads?.failNextUpload?.(backend),
    holdNextUpload: async () => (await uploads?.holdNextUpload?.(backend)) ?? ((): void => undefined),
    loseBackend: async () => contract.loseBackend?.(backend),
    another: async () => openContractSession(contract),
    end,
  };
}

async function eachFrozen(
  batches: readonly RecordBatch[],
  hand: (batch: RecordBatch) => void | Promise<void>,
): Promise<void> {
  for (const batch of batches) await hand(deepFreeze(batch));
}

function rowsByWriter(
  batches: readonly RecordBatch[],
  rowsOf: SinkContract<unknown>['expectedRows'] = (writer, { seq }) => [{ row: `${writer} ${seq}` }],
): readonly ExpectedRows[] {
  return [...Map.groupBy(batches, (batch) => batch.writer)].map(([writer, own]) => ({
    writer,
    rows: own.flatMap((batch) => batch.records.flatMap((record) => rowsOf(writer, record))),
  }));
}

type Files = ReadonlyMap<string, Uint8Array>;

async function filesWithoutPause<Backend>(
  contract: SinkContract<Backend> & Required<Pick<SinkContract<Backend>, 'readFiles'>>,
  batches: readonly RecordBatch[],
): Promise<Files> {
  let files: Files = new Map();
  // The backend is known only to the session that prepared it, so reading it is the last thing that session does.
  const session = await openContractSession({
    ...contract,
    release: async (backend) => {
      files = new Map(await contract.readFiles(backend));
      await contract.release?.(backend);
    },
  });
  try {
    const sink = await session.open();
    await session.write(sink, batches);
    await session.close(sink);
  } finally {
    await session.end();
  }
  return files;
}

function checkSameFiles(expected: Files, actual: Files): void {
  const names = new Set([...expected.keys(), ...actual.keys()]);
  for (const name of names) {
    const [left, right] = [expected.get(name), actual.get(name)];
    if (left === undefined)
      throw new AssertionError({ message: `there is a file ${name} that an unbroken run does not have` });
    if (right === undefined)
      throw new AssertionError({ message: `there is no file ${name}, which an unbroken run has` });
    if (Buffer.compare(left, right) === 0) continue;
    const at = left.findIndex((byte, index) => byte !== right[index]);
    throw new AssertionError({
      message: `${name} has ${right.length} bytes, in an unbroken run ${left.length}; they differ from byte ${at === -1 ? left.length : at}`,
    });
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
