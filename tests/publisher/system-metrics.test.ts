// System metrics of real processes: recorded from a thread of their own, to every sink, however the process ends.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { JsonObject } from '@runcast/core';
import { readEvents } from '@runcast/tensorboard';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';
import { parseRow } from '../wandb/server/wandb-json.ts';
import { startWandbServer } from '../wandb/server/wandb-server.ts';

const EVERY_50_MS = { RUNCAST__SYSTEM_METRICS_SECS: '0.05' };

function place(host: 'worker' | 'inline' = 'worker'): TrainingPlace {
  const made = makeTrainingPlace(host);
  onTestFinished(made.remove);
  return made;
}

function ofKind(rows: readonly JsonObject[], kind: string): readonly JsonObject[] {
  return rows.filter((row) => row['kind'] === kind);
}

function logNames(training: TrainingPlace): readonly string[] {
  return readdirSync(path.join(training.root, 'runs', 'run-1', 'log'));
}

/** `kind` and `seq` of rows by writer. */
function byWriter(rows: readonly JsonObject[]): readonly string[] {
  return rows.map(({ kind, seq }) => JSON.stringify([kind, seq])).toSorted();
}

describe('a trainer that never yields', () => {
  it('has its system metrics in every sink, the first of them while it is busy', async () => {
    const server = await startWandbServer();
    onTestFinished(() => server.close());
    const training = place();
    const trainer = training.start('busy.ts', ['6000'], {
      ...EVERY_50_MS,
      RUNCAST__PROJECT: 'demo',
      WANDB__ENABLED: 'true',
      WANDB_API_KEY: server.apiKey,
      WANDB_BASE_URL: server.url,
    });
    await trainer.nextLine();
    let isBusy = true;
    const busy = trainer.nextLine().then(() => {
      isBusy = false;
    });
    await vi.waitFor(() => expect(ofKind(training.rows(), 'system').length).toBeGreaterThan(1), { timeout: 20_000 });
    // It has not come to its end, which it prints.
    expect(isBusy).toBe(true);
    await busy;
    expect(await trainer.ended).toMatchObject({ code: 0 });

    const logged = ofKind(training.logged(), 'system');
    expect(logged.length).toBeGreaterThan(5);
    const rows = ofKind(training.rows(), 'system');
    expect(rows.map(({ seq }) => seq)).toEqual(logged.map(({ seq }) => seq));
    // The loop keeps a processor busy.
    const last = rows.at(-2);
    expect(last?.['system/cpu']).toBeGreaterThan(5);
    expect(last?.['system/proc/memory/rssMB']).toBeGreaterThan(30);

    const points = new Map<string, unknown[]>();
    for await (const event of readEvents(path.join(training.root, 'tensorboard', 'run-1')))
      if (event.kind === 'scalar') points.set(event.tag, [...(points.get(event.tag) ?? []), event.step]);
    expect(points.get('system/memory_percent')).toEqual(logged.map((_, index) => index));

    const events = server.run('demo', 'run-1')?.events.map((line) => parseRow(line)) ?? [];
    expect(events).toHaveLength(logged.length);
    expect(events.at(-2)).toMatchObject({
      _wandb: true,
      'system.cpu': last?.['system/cpu'],
      'system.proc.memory.rssMB': last?.['system/proc/memory/rssMB'],
    });
    expect(server.violations).toEqual([]);
  });
});

describe('however the trainer ends', () => {
  it.each(['close', 'exit-at-once', 'exit-after-a-while', 'exit-while-closing', 'throw', 'natural', 'using'])(
    '%s: the log of the metrics is complete, and every sink has it',
    async (ending) => {
      const training = place();
      const ended = await training.start('ending.ts', [ending], EVERY_50_MS).ended;
      expect(ended).toMatchObject({ code: ending === 'throw' ? 1 : 0, signal: null });
      const logged = training.logged();
      const owned = logged.filter(({ role, final }) => role === 'owner' || final === true);
      expect(owned).toHaveLength(2);
      const [open] = logged.filter(({ role }) => role === 'member');
      // A thread that had not begun when the trainer ended has left nothing.
      expect(ofKind(logged, 'close')).toHaveLength(open === undefined ? 1 : 2);
      expect(byWriter(training.rows())).toEqual(byWriter(logged));
    },
  );

  it('a killed one leaves a log that is delivered later, once', async () => {
    const training = place('inline');
    const trainer = training.start('busy.ts', ['60000'], EVERY_50_MS);
    await trainer.nextLine();
    await vi.waitFor(() => expect(ofKind(training.logged(), 'system').length).toBeGreaterThan(2), { timeout: 20_000 });
    trainer.process.kill('SIGKILL');
    await trainer.ended;
    for (let delivery = 0; delivery < 2; delivery += 1) {
      expect(await training.start('deliver.ts').ended).toMatchObject({ code: 0, stderr: '' });
      expect(byWriter(training.rows())).toEqual(byWriter(training.logged()));
    }
  });
});

it('none are recorded by default, nor where no sink is on', async () => {
  const training = place();
  await training.start('ending.ts', ['exit-after-a-while']).ended;
  expect(logNames(training)).toHaveLength(1);
  expect(ofKind(training.logged(), 'system')).toEqual([]);
  const silent = place();
  const off = { ...EVERY_50_MS, JSONL__ENABLED: 'false', TENSORBOARD__ENABLED: 'false' };
  expect(await silent.start('ending.ts', ['exit-after-a-while'], off).ended).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(silent.root)).toEqual([]);
});

it('a process that joins a run leaves them to its owner', async () => {
  const training = place();
  const owner = training.start('busy.ts', ['60000'], EVERY_50_MS);
  await owner.nextLine();
  await vi.waitFor(() => expect(logNames(training)).toHaveLength(2), { timeout: 20_000 });
  const context = path.join(training.root, 'runs', 'run-1', 'context.json');
  const joined = { ...EVERY_50_MS, RUNCAST__CONTEXT_FILE: context };
  expect(await training.start('ending.ts', ['exit-after-a-while'], joined).ended).toMatchObject({ code: 0 });
  const opened = ofKind(training.logged(), 'open');
  // The owner, its metrics, and the one that joined.
  expect(opened.filter(({ role }) => role === 'owner')).toHaveLength(1);
  expect(opened.filter(({ role }) => role === 'member')).toHaveLength(2);
  owner.process.kill('SIGKILL');
  await owner.ended;
});

describe('a process that takes the run over from an owner that was killed', () => {
  /** Rows of the metrics that the process records of itself. */
  function metricsOf(training: TrainingPlace, pid: number | undefined): readonly JsonObject[] {
    const rows = training.rows();
    const writers = ofKind(rows, 'open').flatMap((row) => (row['pid'] === pid ? [row['writer']] : []));
    return ofKind(rows, 'system').filter(({ writer }) => writers.includes(writer));
  }

  it.each(['worker', 'inline'] as const)(
    'goes on with them, and ends them with itself, on the %s host',
    async (host) => {
      const training = place(host);
      const owner = training.start('member.ts', [], EVERY_50_MS);
      expect(await owner.nextLine()).toBe(host);
      const context = path.join(training.root, 'runs', 'run-1', 'context.json');
      const member = training.start('member.ts', [], { ...EVERY_50_MS, RUNCAST__CONTEXT_FILE: context });
      expect(await member.nextLine()).toBe('none');
      await vi.waitFor(
        () => {
          expect(metricsOf(training, owner.process.pid).length).toBeGreaterThan(2);
          expect(metricsOf(training, member.process.pid)).toEqual([]);
        },
        { timeout: 30_000 },
      );
      owner.process.kill('SIGKILL');
      await owner.ended;
      await vi.waitFor(() => expect(metricsOf(training, member.process.pid).length).toBeGreaterThan(2), {
        timeout: 30_000,
      });
      member.process.stdin?.end();
      const { code, stdout, stderr } = await member.ended;
      expect([code, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout.split('\n')[1] ?? '')).toEqual({ complete: true, host });
      // The owner's two logs have no end, those of the member and of its metrics have.
      expect(ofKind(training.logged(), 'open')).toHaveLength(4);
      expect(ofKind(training.logged(), 'close')).toHaveLength(2);
      expect(byWriter(training.rows())).toEqual(byWriter(training.logged()));
    },
  );

  it('does so in a loop that never yields', async () => {
    const training = place();
    const owner = training.start('busy.ts', ['60000'], EVERY_50_MS);
    await owner.nextLine();
    const context = path.join(training.root, 'runs', 'run-1', 'context.json');
    const member = training.start('busy.ts', ['60000'], { ...EVERY_50_MS, RUNCAST__CONTEXT_FILE: context });
    await member.nextLine();
    owner.process.kill('SIGKILL');
    await owner.ended;
    let isBusy = true;
    void member.nextLine().then(() => {
      isBusy = false;
    });
    await vi.waitFor(() => expect(metricsOf(training, member.process.pid).length).toBeGreaterThan(2), {
      timeout: 50_000,
    });
    expect(isBusy).toBe(true);
    member.process.kill('SIGKILL');
    await member.ended;
  });
});

it('GPUs are asked by nvidia-smi', async () => {
  const training = place();
  const programs = path.join(training.root, 'programs');
  mkdirSync(programs);
  const program = path.join(programs, 'nvidia-smi');
  writeFileSync(program, '#!/bin/sh\necho "0, 87, 40, 1024, 16384, 61, 150.50, 301.00"\n');
  chmodSync(program, 0o755);
  const env = { ...EVERY_50_MS, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
  expect(await training.start('busy.ts', ['3000'], env).ended).toMatchObject({ code: 0, stderr: '' });
  const gpus = training.rows().filter((row) => 'system/gpu/0/gpu' in row);
  expect(gpus.length).toBeGreaterThan(0);
  expect(gpus[0]).toMatchObject({ 'system/gpu/0/memoryAllocated': 6.25, 'system/gpu/0/powerWatts': 150.5 });
});
