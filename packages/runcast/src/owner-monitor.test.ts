import { expect, test } from 'vitest';
import { OwnerMonitor } from './owner-monitor.ts';

interface Stage {
  readonly monitor: OwnerMonitor;
  /** What has been asked of the collectors, each with its number. */
  readonly calls: readonly string[];
}

function stage(): Stage {
  const calls: string[] = [];
  let opened = 0;
  const monitor = new OwnerMonitor(() => {
    opened += 1;
    const number = opened;
    calls.push(`open ${number}`);
    return {
      end: () => void calls.push(`end ${number}`),
      close: async () => void calls.push(`close ${number}`),
    };
  });
  return { monitor, calls };
}

test('one collector is begun, and ended with the run', async () => {
  const { monitor, calls } = stage();
  monitor.start();
  monitor.start();
  await monitor.close();
  expect(calls).toEqual(['open 1', 'end 1', 'close 1']);
});

test('a takeover begins it before it has succeeded', () => {
  const { monitor, calls } = stage();
  monitor.startEarly();
  expect(calls).toEqual(['open 1']);
  monitor.start();
  monitor.end();
  expect(calls).toEqual(['open 1', 'end 1']);
});

test('a takeover that fails ends it, and it begins again with one that has succeeded, not with each attempt', async () => {
  const { monitor, calls } = stage();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    monitor.startEarly();
    monitor.stop();
  }
  expect(calls).toEqual(['open 1', 'close 1']);
  monitor.startEarly();
  monitor.start();
  expect(calls).toEqual(['open 1', 'close 1', 'open 2']);
  await monitor.close();
  expect(calls.slice(3)).toEqual(['end 2', 'close 2']);
});

test('a takeover while the process ends begins nothing', async () => {
  const { monitor, calls } = stage();
  await monitor.close();
  monitor.startEarly();
  monitor.start();
  monitor.end();
  expect(calls).toEqual([]);
});
