import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ErrorInfo } from '@runcast/core';
import { runDirectory, type RunDirectory } from '@runcast/runlog';
import { expect, it, onTestFinished, vi } from 'vitest';
import { memberOpen } from '../test/member-open.ts';
import { SystemMonitor, type SystemMonitorOptions } from './system-monitor.ts';

interface Stage {
  readonly monitor: SystemMonitor;
  readonly directory: RunDirectory;
  readonly failures: readonly ErrorInfo[];
  readonly log: () => string;
}

function stage(more: Partial<SystemMonitorOptions> = {}): Stage {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-monitor-'));
  const directory = runDirectory(dir, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
  const failures: ErrorInfo[] = [];
  const monitor = new SystemMonitor({
    dir,
    open: memberOpen(),
    intervalMs: 20,
    onFailure: (error) => failures.push(error),
    ...more,
  });
  onTestFinished(async () => {
    await monitor.close();
    rmSync(dir, { recursive: true });
  });
  return {
    monitor,
    directory,
    failures,
    log: () => readFileSync(join(directory.logDirectory, 'system.jsonl'), 'utf8'),
  };
}

const TIMEOUT = { timeout: 8000 };

it('records until it ends, and its log is then complete', async () => {
  const { monitor, log, failures } = stage();
  await vi.waitFor(() => expect(log()).toContain('"kind":"system"'), TIMEOUT);
  monitor.end();
  expect(log()).toMatch(/"kind":"close".*\n$/u);
  const complete = log();
  monitor.end();
  await monitor.close();
  expect(log()).toBe(complete);
  expect(failures).toEqual([]);
});

it('leaves no thread behind', async () => {
  const threads = (): number => readdirSync('/proc/self/task').length;
  const { monitor, log } = stage();
  await vi.waitFor(() => expect(log()).toContain('"kind":"system"'), TIMEOUT);
  const during = threads();
  await monitor.close();
  await vi.waitFor(() => expect(threads()).toBeLessThan(during), TIMEOUT);
});

it('leaves no log where it ends before it has begun', async () => {
  const { monitor, directory } = stage();
  await monitor.close();
  expect(readdirSync(directory.logDirectory)).toEqual([]);
});

it('says why there are no metrics, and throws nothing', async () => {
  const { failures, monitor } = stage({ workerUrl: pathToFileURL('/no/such/worker.js') });
  expect(failures).toHaveLength(1);
  expect(failures[0]?.message).toMatch(/^there are no system metrics: .*bundling$/u);
  monitor.end();
  await monitor.close();
});

it('says that its thread has failed', async () => {
  const { failures, monitor } = stage({ open: memberOpen('no-such-run') });
  await vi.waitFor(() => expect(failures).toHaveLength(1), TIMEOUT);
  expect(failures[0]?.message).toMatch(/^there are no more system metrics: ENOENT/u);
  monitor.end();
});
