import type { Lease } from '@runcast/runlog';
import { createManualClock, createMemorySink, type ManualClock, type MemorySink } from '@runcast/testing';
import { expect, test } from 'vitest';
import { makeRun, schedulerOn, timePasses, type RunOnDisk } from '../test/run-on-disk.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { InlineHost } from './inline-host.ts';
import { MemberHost } from './member-host.ts';

const OWNER_OWES = 'the owner of the run has not delivered it yet';
const OUTCOME = { status: 'finished', final: false } as const;

/** What the outside does to a member: an owner that lives, a disk that fails, sinks that cannot be opened. */
interface Outside {
  owned: boolean;
  leaseError: Error | undefined;
  openError: Error | undefined;
  /** The reason of the host that is opened. */
  hostReason: string | undefined;
}

interface Stage {
  readonly run: RunOnDisk;
  readonly clock: ManualClock;
  readonly sink: MemorySink;
  readonly outside: Outside;
  readonly member: MemberHost;
  readonly takeovers: readonly unknown[];
  /** Leases taken and not released. */
  readonly held: () => number;
}

function join(): Stage {
  const run = makeRun();
  const clock = createManualClock();
  const scheduler = schedulerOn(clock);
  const sink = createMemorySink();
  const outside: Outside = { owned: true, leaseError: undefined, openError: undefined, hostReason: undefined };
  const takeovers: unknown[] = [];
  let held = 0;
  const acquireLease = (): Lease | undefined => {
    if (outside.leaseError !== undefined) throw outside.leaseError;
    if (outside.owned) return undefined;
    held += 1;
    return {
      release: () => {
        held -= 1;
      },
    };
  };
  const openHost = async (): Promise<DeliveryHost> => {
    if (outside.openError !== undefined) throw outside.openError;
    const reason = outside.hostReason === undefined ? {} : { reason: outside.hostReason };
    return InlineHost.open({ directory: run.directory, sinks: [sink], scheduler, onEvent: () => undefined, ...reason });
  };
  run.steps('w1', 0, 3);
  const member = new MemberHost({
    directory: run.directory,
    writer: 'w1',
    sinks: ['memory'],
    acquireLease,
    openHost,
    onTakeover: (failure) => takeovers.push(failure),
    scheduler,
  });
  return { run, clock, sink, outside, member, takeovers, held: () => held };
}

test('delivers nothing while the owner lives, and says so', async () => {
  const { member, clock, sink } = join();
  await clock.advance(10_000);
  expect(member).toMatchObject({ kind: 'none', reason: 'another publisher owns the run and delivers for all' });
  expect(member.health()).toEqual({});
  member.endNow(OUTCOME, 1000);
  expect(await timePasses(clock, member.close(OUTCOME, 1000))).toMatchObject([{ owedRecords: 3, reason: OWNER_OWES }]);
  expect(sink.calls).toEqual([]);
  expect(clock.pending()).toEqual([]);
});

test('takes over within about a second once the owner is gone, and delivers for all', async () => {
  const { member, clock, sink, outside, takeovers, run, held } = join();
  await clock.advance(2500);
  outside.owned = false;
  run.steps('owner', 0, 2);
  await clock.advance(1000);
  expect(member).toMatchObject({ kind: 'inline', reason: 'took over from an owner that is gone' });
  expect(takeovers).toEqual([undefined]);
  await clock.advance(100);
  expect(sink.records()).toHaveLength(5);
  expect(member.health()).toMatchObject({ memory: { delivered: 5 } });
  expect(await timePasses(clock, member.flush(1000))).toMatchObject([{ sink: 'memory', reason: undefined }]);
  await clock.advance(10_000);
  expect(held()).toBe(1);
  expect(await timePasses(clock, member.close(OUTCOME, 1000))).toMatchObject([{ reason: undefined }]);
  expect(sink.calls.at(-1)).toEqual({ method: 'close', outcome: OUTCOME });
  expect(held()).toBe(0);
});

test('a trainer that never yields notices by its own appends', async () => {
  const { member, clock, outside } = join();
  outside.owned = false;
  member.noticeAppend(clock.now() + 999);
  await clock.advance(0);
  expect(member.kind).toBe('none');
  outside.hostReason = 'no worker is to be had';
  member.noticeAppend(clock.now() + 1000);
  await clock.advance(0);
  expect(member).toMatchObject({ kind: 'inline', reason: 'no worker is to be had' });
  await timePasses(clock, member.close(OUTCOME, 1000));
});

test('a process that exits completes local sinks after a takeover', async () => {
  const { member, clock, sink, outside } = join();
  outside.owned = false;
  await clock.advance(1000);
  member.endNow(OUTCOME, 1000);
  expect(sink.records()).toHaveLength(3);
  expect(sink.calls.at(-1)?.method).toBe('close');
});

test('takes over when it closes, the owner gone before anybody noticed', async () => {
  const { member, clock, sink, outside, held } = join();
  outside.owned = false;
  expect(await timePasses(clock, member.close(OUTCOME, 1000))).toMatchObject([
    { sink: 'memory', owedRecords: 0, reason: undefined },
  ]);
  expect(sink.records()).toHaveLength(3);
  expect(held()).toBe(0);
});

test('flush waits for the owner’s cursors', async () => {
  const { member, clock, run, sink } = join();
  const owner = await InlineHost.open({
    directory: run.directory,
    sinks: [sink],
    scheduler: schedulerOn(clock),
    onEvent: () => undefined,
  });
  expect(await timePasses(clock, member.flush(5000))).toEqual([
    { sink: 'memory', owedRecords: 0, skippedSteps: 0, deliveredSteps: 0, reason: undefined },
  ]);
  await timePasses(clock, owner.close(OUTCOME, 1000));
});

test('flush says what the owner has not delivered in time', async () => {
  const { member, clock } = join();
  const before = clock.now();
  expect(await timePasses(clock, member.flush(2000))).toEqual([
    {
      sink: 'memory',
      owedRecords: 3,
      skippedSteps: 0,
      deliveredSteps: 0,
      reason: 'the owner of the run has not delivered it yet',
    },
  ]);
  expect(clock.now() - before).toBeLessThanOrEqual(2030);
});

test('an owner that dies during a flush is replaced, and the flush goes through', async () => {
  const { member, clock, outside, sink } = join();
  const flushing = member.flush(10_000);
  await clock.advance(500);
  outside.owned = false;
  expect(await timePasses(clock, flushing)).toMatchObject([{ owedRecords: 0, reason: undefined }]);
  expect(sink.records()).toHaveLength(3);
});

test('sinks that cannot be opened leave the lease to others, and are tried again', async () => {
  const { member, clock, outside, takeovers, held, sink } = join();
  outside.owned = false;
  outside.openError = new Error('no such directory');
  await clock.advance(1000);
  expect(member).toMatchObject({ kind: 'none', reason: 'no such directory' });
  expect(held()).toBe(0);
  outside.openError = undefined;
  await clock.advance(1100);
  expect(takeovers).toEqual([new Error('no such directory'), undefined]);
  expect(sink.records()).toHaveLength(3);
  await timePasses(clock, member.close(OUTCOME, 1000));
});

test('a close that cannot take over says what nobody delivers', async () => {
  const { member, clock, outside, held } = join();
  outside.owned = false;
  outside.openError = new Error('no such directory');
  expect(await timePasses(clock, member.close(OUTCOME, 1000))).toMatchObject([
    { sink: 'memory', owedRecords: 3, reason: 'no such directory' },
  ]);
  expect(held()).toBe(0);
  expect(clock.pending()).toEqual([]);
});

test('a lease that cannot be asked for is told, and another owner that was found ends the trouble', async () => {
  const { member, clock, outside, takeovers } = join();
  outside.leaseError = new Error('the disk is broken');
  await clock.advance(1000);
  expect(takeovers).toEqual([new Error('the disk is broken')]);
  expect(member.reason).toBe('the disk is broken');
  outside.leaseError = undefined;
  await clock.advance(1000);
  expect(member.reason).toBe('another publisher owns the run and delivers for all');
  expect(await timePasses(clock, member.close(OUTCOME, 1000))).toMatchObject([{ owedRecords: 3, reason: OWNER_OWES }]);
});
