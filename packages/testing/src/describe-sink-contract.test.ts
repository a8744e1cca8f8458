import { strict as assert } from 'node:assert';
import { TerminalSinkError, type Sink } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { BROKEN_SINKS } from './broken-sinks.ts';
import { describeSinkContract, sinkContractCases, type TestBody } from './describe-sink-contract.ts';
import type { BackendRow } from './held-rows.ts';
import { memorySinkContract } from './memory-contract.ts';
import { createMemorySink, type MemoryBackend } from './memory-sink.ts';
import type { SinkContract } from './sink-contract.ts';

describeSinkContract({ describe, it, ...memorySinkContract() });

const AT_LEAST_ONCE = { guarantee: 'at-least-once', locality: 'remote' } as const;

describeSinkContract({
  describe,
  it,
  ...memorySinkContract((backend) => createMemorySink({ backend, traits: AT_LEAST_ONCE }), AT_LEAST_ONCE),
  name: 'at least once',
});

const NEVER_RESUMED = { ...AT_LEAST_ONCE, resumes: false } as const;

/** A memory sink that begins on an empty backend only. */
function onceBegun(backend: MemoryBackend): Sink {
  const sink = createMemorySink({ backend, traits: NEVER_RESUMED });
  let begun = false;
  return {
    ...sink,
    write: (batch) => {
      if (!begun && backend.entries.length > 0) throw new TerminalSinkError('there is something already');
      begun = true;
      sink.write(batch);
    },
  };
}

describeSinkContract({
  describe,
  it,
  ...memorySinkContract(onceBegun, NEVER_RESUMED),
  name: 'that takes up no run',
});

const FEW_KINDS = { kinds: ['step', 'final'] } as const;

describeSinkContract({
  describe,
  it,
  ...memorySinkContract((backend) => createMemorySink({ backend, traits: FEW_KINDS }), FEW_KINDS),
  name: 'of few kinds',
});

describeSinkContract({
  describe,
  it,
  ...memorySinkContract(undefined, {}, ['image', 'file', 'artifact']),
  name: 'with uploads',
});

describeSinkContract({
  describe,
  it,
  ...memorySinkContract(
    (backend) => createMemorySink({ backend, traits: AT_LEAST_ONCE, uploads: ['file'] }),
    AT_LEAST_ONCE,
    ['file'],
  ),
  name: 'with uploads, at least once',
});

function caseNamed<Backend>(contract: SinkContract<Backend>, name: string): () => Promise<void> {
  const found = sinkContractCases(contract).find((candidate) => candidate.name === name);
  assert(found, `no fact is called ${name}`);
  return found.run;
}

function skippedOf<Backend>(contract: SinkContract<Backend>): readonly string[] {
  return sinkContractCases(contract).flatMap(({ skipped }) => (skipped === undefined ? [] : [skipped]));
}

type Files = ReadonlyMap<string, Uint8Array>;

/** The contract of a sink whose rows nobody looks at. */
function contractOfFiles(readFiles: () => Files): SinkContract<MemoryBackend> {
  return { ...memorySinkContract(), readBack: () => [], expectedRows: () => [], readFiles };
}

function inTurn(...answers: readonly Files[]): () => Files {
  const left = [...answers];
  return () => left.shift() ?? new Map();
}

function file(name: string, content: string): Files {
  return new Map([[name, Buffer.from(content)]]);
}

function placesHeld({ entries }: MemoryBackend): readonly BackendRow[] {
  return entries.map(({ writer, record }) => ({ row: `${writer} ${record.seq}` }));
}

describe('a broken sink is caught that', () => {
  it.each(BROKEN_SINKS)('$fault', async ({ caughtBy, createSink, uploads }) => {
    await expect(caseNamed(memorySinkContract(createSink, {}, uploads), caughtBy)()).rejects.toBeInstanceOf(Error);
  });
});

describe('a broken sink is otherwise right, so that', () => {
  it.each(BROKEN_SINKS)('one that $fault keeps other facts', async ({ createSink, uploads }) => {
    const contract = memorySinkContract(createSink, {}, uploads);
    const others = [
      'opens and closes without records',
      'flushes without writes, and twice',
      'takes a heartbeat at any time, and holds nothing more for it',
      'has a position that is JSON, and that grows with what is written',
    ];
    const kept = await Promise.allSettled(others.map((name) => caseNamed(contract, name)()));
    expect(kept.map((result) => result.status)).toContain('fulfilled');
  });
});

it('a sink is caught that takes up a run though its traits say that it does not', async () => {
  const contract = memorySinkContract((backend) => createMemorySink({ backend, traits: NEVER_RESUMED }), NEVER_RESUMED);
  const fact = 'stops where the run was begun before, with or without its position, and leaves what is there';
  await expect(caseNamed(contract, fact)()).rejects.toThrow('Missing expected rejection');
});

describe('what is skipped', () => {
  it('is nothing where the traits promise everything and the backend can be failed', () => {
    expect(skippedOf(memorySinkContract())).toEqual([]);
  });

  it('follows from the traits and from what the backend can be made to do', () => {
    const { failNextWrite: _fail, loseBackend: _lose, ...unfailing } = memorySinkContract();
    expect(skippedOf(unfailing)).toEqual([
      'its writes cannot be made to fail',
      'its writes cannot be made to fail',
      'its backend cannot be made to lose anything',
    ]);
    const traits = { kinds: ['step'], guarantee: 'at-least-once', locality: 'remote' } as const;
    expect(skippedOf({ ...unfailing, traits })).toEqual([
      'its writes cannot be made to fail',
      'its writes cannot be made to fail',
    ]);
    const excluded = sinkContractCases(unfailing).length - sinkContractCases({ ...unfailing, traits }).length;
    expect(excluded).toBe(4);
    // Four ends, three crashes and a failed write give way to the one fact that nothing of the kind is done.
    const never = { ...traits, resumes: false } as const;
    expect(
      sinkContractCases({ ...unfailing, traits }).length - sinkContractCases({ ...unfailing, traits: never }).length,
    ).toBe(7);
  });

  it('follows from what its uploads can be made to do', () => {
    const contract = memorySinkContract(undefined, {}, ['file']);
    const { uploads } = contract;
    assert(uploads);
    const { failNextUpload: _fail, holdNextUpload: _hold, ...unfailing } = uploads;
    expect(skippedOf({ ...contract, uploads: unfailing })).toEqual([
      'its uploads cannot be held up',
      'its uploads cannot be made to fail',
    ]);
  });

  it('is said to the runner, with the reason', async () => {
    const told: string[] = [];
    const skip = (reason: string): void => {
      told.push(reason);
    };
    const registered: TestBody[] = [];
    const { loseBackend: _lose, ...unlosing } = memorySinkContract();
    describeSinkContract({
      ...unlosing,
      describe: (_name, body) => body(),
      it: (_name, body) => registered.push(body),
    });
    for (const body of registered) await body({ skip });
    expect(told).toEqual(['its backend cannot be made to lose anything']);
    expect(registered).toHaveLength(sinkContractCases(memorySinkContract()).length);
  });
});

describe('files', () => {
  const FACT = 'holds everything after a recovery that was killed itself';
  it.each([
    ['is missing', inTurn(new Map(), file('a', 'rows')), 'there is no file a, which an unbroken run has'],
    ['is one too many', inTurn(file('a', 'rows'), new Map()), 'there is a file a that an unbroken run does not have'],
    [
      'has other bytes',
      inTurn(file('a', 'roes'), file('a', 'rows')),
      'a has 4 bytes, in an unbroken run 4; they differ from byte 2',
    ],
    [
      'is too long',
      inTurn(file('a', 'rows!'), file('a', 'rows')),
      'a has 5 bytes, in an unbroken run 4; they differ from byte 4',
    ],
  ])('of which one %s after a crash are told', async (_case, files, message) => {
    await expect(caseNamed(contractOfFiles(files), FACT)()).rejects.toThrow(message);
  });

  it('that are the same are well', async () => {
    await expect(
      caseNamed(
        contractOfFiles(() => file('a', 'rows')),
        FACT,
      )(),
    ).resolves.toBeUndefined();
  });
});

it('knows a row by writer and number where the author says nothing else', async () => {
  const { expectedRows: _rows, ...contract } = memorySinkContract();
  for (const { run } of sinkContractCases({
    ...contract,
    readBack: placesHeld,
    release: (backend) => backend.cut(0),
  })) {
    await expect(run()).resolves.toBeUndefined();
  }
});
