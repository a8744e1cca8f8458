import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LineBytes } from '@runcast/core';
import { LogWriter, runDirectory } from '@runcast/runlog';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CursorStore } from './cursor-store.ts';
import type { DeliveryHost } from './delivery-host.ts';
import { MemberHost } from './member-host.ts';
import type { Scheduler } from './scheduler.ts';

const outcome = { status: 'finished', final: false } as const;
const lease = { release: () => undefined };
const deliveries: DeliveryHost = {
  kind: 'inline',
  reason: undefined,
  health: () => ({}),
  flush: () => Promise.resolve([]),
  close: () => Promise.resolve([]),
  endNow: () => undefined,
};

let dir = '';

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'runcast-member-'));
  const { logDirectory, cursorDirectory } = runDirectory(dir, 'run-1');
  for (const made of [logDirectory, cursorDirectory]) mkdirSync(made, { recursive: true });
  const writer = new LogWriter({ logDirectory, writer: 'w2', onFailure: () => undefined, onRecovery: () => undefined });
  writer.append(LineBytes.of('{"v":1,"seq":0,"time":1,"kind":"tags","tags":["late"]}\n'), 0, true);
  writer.close();
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** A member whose time passes as it waits. `atAsking` is called each time it asks for the lease, and may give it. */
function openMember(atAsking: (asked: number) => typeof lease | undefined): {
  readonly member: MemberHost;
  readonly takeovers: () => number;
  readonly nowMs: () => number;
} {
  let nowMs = 0;
  let asked = 0;
  let takeovers = 0;
  const scheduler: Scheduler = {
    nowMs: () => nowMs,
    schedule: (callback, delayMs) => {
      // Its own look at the lease, once a second, is not what this is about.
      if (delayMs >= 1_000) return () => undefined;
      const timer = setImmediate(() => {
        nowMs += delayMs;
        callback();
      });
      return () => clearImmediate(timer);
    },
    random: () => 0,
  };
  const member = new MemberHost({
    directory: runDirectory(dir, 'run-1'),
    writer: 'w2',
    sinks: ['jsonl'],
    acquireLease: () => {
      asked += 1;
      return atAsking(asked);
    },
    openHost: () => {
      takeovers += 1;
      return Promise.resolve(deliveries);
    },
    onTakeover: () => undefined,
    scheduler,
  });
  return { member, takeovers: () => takeovers, nowMs: () => nowMs };
}

it('takes over from an owner that closes at the same time, past this member’s last records', async () => {
  const { member, takeovers } = openMember((asked) => (asked < 4 ? undefined : lease));
  await member.close(outcome, 30_000);
  expect(takeovers()).toBe(1);
});

it('leaves once the owner has delivered its records', async () => {
  const { member, takeovers, nowMs } = openMember((asked) => {
    if (asked === 3)
      new CursorStore(runDirectory(dir, 'run-1'), 'jsonl').write({
        delivered: new Map([['w2', { seq: 0, offset: 55 }]]),
        position: undefined,
        intent: undefined,
      });
    return undefined;
  });
  expect(await member.close(outcome, 30_000)).toEqual([]);
  expect(takeovers()).toBe(0);
  expect(nowMs()).toBeLessThan(100);
});

it('waits two seconds at most, and no longer than it may, for an owner whose backend is down', async () => {
  const patient = openMember(() => undefined);
  const reason = 'the owner of the run has not delivered it yet';
  expect(await patient.member.close(outcome, 30_000)).toMatchObject([{ sink: 'jsonl', owedRecords: 1, reason }]);
  expect(patient.nowMs()).toBe(2_000);
  const hurried = openMember(() => undefined);
  await hurried.member.close(outcome, 100);
  expect(hurried.nowMs()).toBe(100);
});

it('leaves at once where the run directory has gone', async () => {
  rmSync(runDirectory(dir, 'run-1').path, { recursive: true });
  writeFileSync(runDirectory(dir, 'run-1').path, '');
  const { member, nowMs } = openMember(() => undefined);
  await member.close(outcome, 30_000);
  expect(nowMs()).toBe(0);
});

it('waits for the uploads of the owner’s sinks too', async () => {
  const directory = runDirectory(dir, 'run-1');
  const reach = (cursor: string, seq: number): void =>
    new CursorStore(directory, cursor).write({
      delivered: new Map([['w2', { seq, offset: 1 }]]),
      position: undefined,
      intent: undefined,
    });
  reach('jsonl', 0);
  reach('jsonl.uploads', -1);
  const { member, takeovers } = openMember((asked) => {
    if (asked === 3) reach('jsonl.uploads', 0);
    return undefined;
  });
  await member.close(outcome, 30_000);
  expect(takeovers()).toBe(0);
});
