import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { runDirectory } from '@runcast/runlog';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';
import { checkLease, checkTarget, checkWorker } from './doctor-checks.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

describe('the lease', () => {
  it('fails where its file cannot be used', () => {
    expect(checkLease(place.path('nowhere', 'lease.db'))).toMatchObject({
      status: 'fail',
      finding: 'unable to open database file',
    });
  });

  it('fails where two hold it at once, and lets both go', () => {
    let held = 0;
    const lock = (): { release(): void } => {
      held += 1;
      return { release: () => (held -= 1) };
    };
    expect(checkLease(place.path('lease.db'), lock)).toMatchObject({
      status: 'fail',
      finding: 'the lock does not exclude a second holder',
    });
    expect(held).toBe(0);
  });
});

it('warns where no worker can be had', async () => {
  const directory = runDirectory(place.cwd, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
  const missing = pathToFileURL(place.path('worker.js'));
  const { status, finding } = await checkWorker(place.cwd, directory, missing);
  expect(status).toBe('warn');
  expect(finding).toMatch(/^does not start: the worker's file is not to be found/u);
});

describe('a server that a sink delivers to', () => {
  const server = { kind: 'server', address: 'https://metrics.example', variable: 'METRICS__URL' } as const;

  it('is found by what it answers', async () => {
    expect(await checkTarget('metrics', 'METRICS', { ...server, probe: async () => 'version 7 answers' })).toEqual({
      check: 'metrics',
      status: 'ok',
      finding: 'on, since METRICS__ENABLED is true; version 7 answers',
      advice: undefined,
    });
  });

  it('that does not answer is named with its variable', async () => {
    const probe = (): Promise<string> => Promise.reject(new Error('connection refused'));
    expect(await checkTarget('metrics', 'METRICS', { ...server, probe })).toMatchObject({
      status: 'fail',
      finding: 'on, but https://metrics.example does not serve: connection refused',
      advice: 'check METRICS__URL',
    });
  });
});
