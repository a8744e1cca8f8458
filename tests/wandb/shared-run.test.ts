// One run on W&B that several have a part in, one after another: W&B's own client and we, and processes of ours.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { publisherFromEnv, type Environment } from 'runcast';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';
import { missingClient, OfficialClient } from './official-client.ts';
import type { ServerRun } from './server/run-state.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

const deliveredSchema = z.object({
  delivered: z.record(z.string(), z.object({ seq: z.number() })),
  intent: z.unknown().optional(),
});

const PATIENCE = { timeout: 30_000, interval: 20 };

let server: WandbServer;
let client: OfficialClient;
let training: TrainingPlace;

beforeEach(async () => {
  server = await startWandbServer();
  client = new OfficialClient(server);
  training = makeTrainingPlace('worker');
});

afterEach(async () => {
  await server.close();
  client.remove();
  training.remove();
});

function wandbEnvironment(): Readonly<Record<string, string>> {
  return {
    RUNCAST__PROJECT: 'demo',
    RUNCAST__RESUME: 'allow',
    WANDB__ENABLED: 'true',
    WANDB_API_KEY: server.apiKey,
    WANDB_BASE_URL: server.url,
  };
}

function runOf(project: string, id: string): ServerRun {
  const run = server.run(project, id);
  if (run === undefined) throw new Error('there is no run');
  return run;
}

/** `train/step` of the rows that have one, in the order of the rows. */
function stepsHeld(): readonly unknown[] {
  return (server.run('demo', 'run-1')?.rows ?? []).flatMap((row) => ('train/step' in row ? [row['train/step']] : []));
}

function stepsLogged(): readonly number[] {
  return training.logged().flatMap(({ step }) => (typeof step === 'number' ? [step] : []));
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Steps that are known to be with W&B: what was sent in the instant before a crash is found there by its mark. */
function stepsDelivered(): number {
  const cursor = path.join(training.root, 'runs', 'run-1', 'cursors', 'wandb.json');
  if (!existsSync(cursor)) return 0;
  const { delivered, intent } = deliveredSchema.parse(JSON.parse(readFileSync(cursor, 'utf8')));
  return intent === undefined ? Math.max(0, ...Object.values(delivered).map(({ seq }) => seq)) : 0;
}

/** A trainer that logs from step 1 on, killed once W&B has some of its steps. Returns the last it logged. */
async function firstOwner(held: () => number): Promise<number> {
  const trainer = training.start('stepping-trainer.ts', ['1'], wandbEnvironment());
  await vi.waitFor(() => expect(held()).toBeGreaterThan(20), PATIENCE);
  trainer.process.kill('SIGKILL');
  await trainer.ended;
  return Math.max(...stepsLogged());
}

/** A trainer that goes on behind `last` for 200 steps and ends. Returns what it printed to its standard error. */
async function secondOwner(last: number): Promise<string> {
  const args = [String(last + 1), String(last + 200)];
  const ended = await training.start('stepping-trainer.ts', args, wandbEnvironment()).ended;
  expect(ended.code).toBe(0);
  return ended.stderr;
}

describe('two owners in turn', () => {
  it('have their rows there once and in order, where the first was killed', async () => {
    const last = await firstOwner(() => stepsHeld().length);
    expect(runOf('demo', 'run-1').state).toBe('running');
    const said = await secondOwner(last);
    expect(said).not.toContain('rows are added behind');
    expect(stepsHeld()).toEqual(upTo(last + 200));
    expect(runOf('demo', 'run-1')).toMatchObject({ state: 'finished', summary: { 'train/step': last + 200 } });
    expect(server.runs).toHaveLength(1);
    expect(server.violations).toEqual([]);
  });

  it('have them so where the first had ended', async () => {
    expect((await training.start('stepping-trainer.ts', ['1', '100'], wandbEnvironment()).ended).code).toBe(0);
    expect(runOf('demo', 'run-1').state).toBe('finished');
    await secondOwner(100);
    expect(stepsHeld()).toEqual(upTo(300));
    expect(runOf('demo', 'run-1')).toMatchObject({ state: 'finished', exitCode: 0 });
    expect(server.violations).toEqual([]);
  });

  it('are owner and member, where the owner was killed and the member lives on; it does not end the run', async () => {
    const owner = training.start('stepping-trainer.ts', ['1'], wandbEnvironment());
    await vi.waitFor(() => expect(stepsHeld().length).toBeGreaterThan(20), PATIENCE);
    const context = path.join(training.root, 'runs', 'run-1', 'context.json');
    const joined = { ...wandbEnvironment(), RUNCAST__CONTEXT_FILE: context };
    const member = training.start('stepping-trainer.ts', ['1000001'], joined);
    await vi.waitFor(() => expect(stepsHeld()).toContain(1_000_010), PATIENCE);
    owner.process.kill('SIGKILL');
    await owner.ended;
    // Only a process that delivers, the member, can have sent what it logs from now on.
    const later = Math.max(...stepsLogged()) + 500;
    await vi.waitFor(() => expect(stepsHeld()).toContain(later), PATIENCE);
    member.process.kill('SIGKILL');
    await member.ended;
    expect((await training.start('deliver.ts', [], wandbEnvironment()).ended).code).toBe(0);
    const held = stepsHeld().map(Number);
    const logged = stepsLogged();
    for (const isTheirs of [(step: number) => step < 1e6, (step: number) => step > 1e6])
      expect(held.filter(isTheirs)).toEqual(logged.filter(isTheirs));
    expect(runOf('demo', 'run-1').complete).toBe(false);
    expect(server.violations).toEqual([]);
  });

  it.skipIf(missingClient !== undefined)(
    "come around W&B's own client: its rows stay, ours go behind, and it is said",
    async () => {
      // Its own client drops the mark.
      const last = await firstOwner(stepsDelivered);
      expect(await client.run('resume_between')).toMatchObject({ code: 0 });
      const before = runOf('demo', 'run-1').rows;
      expect(before.slice(-2)).toMatchObject([{ theirs: 1 }, { theirs: 2 }]);
      const said = await secondOwner(last);
      expect(said).toMatch(
        /wandb: W&B has 2 rows of team\/demo\/run-1 that are not this log's; rows are added behind them/u,
      );
      const { rows } = runOf('demo', 'run-1');
      expect(rows.slice(0, before.length)).toEqual(before);
      expect(stepsHeld()).toEqual(upTo(last + 200));
      expect(server.violations).toEqual([]);
    },
  );
});

describe.skipIf(missingClient !== undefined)("a run of W&B's own client, joined by its context file", () => {
  it('gets our rows behind its own, and is never ended by us', async () => {
    await client.run('killed', { DIE_AFTER_SECONDS: '1' });
    const theirs = runOf('official', 'killed');
    const history = [...theirs.history];
    const { displayName } = theirs;
    expect(theirs).toMatchObject({ state: 'running', complete: false });
    const contextFile = path.join(training.root, 'context.json');
    writeFileSync(contextFile, JSON.stringify({ run_id: 'killed', project: 'official', entity: 'team' }));
    const env: Environment = { ...training.env, ...wandbEnvironment(), WANDB_CONTEXT_FILE: contextFile };
    for (const [status, step] of [
      ['finished', 7],
      ['failed', 8],
    ] as const) {
      const publisher = await publisherFromEnv({ env: { ...env, RUNCAST__PROJECT: '' } });
      expect(publisher.run).toMatchObject({ id: 'killed', project: 'official' });
      publisher.logSummary({ nrmse: 0.09 });
      publisher.logStep({ step, loss: 0.5 });
      const report = await publisher.close({ status });
      expect(report.undelivered).toEqual([]);
    }
    const run = runOf('official', 'killed');
    expect(run).toMatchObject({ state: 'running', complete: false, displayName, summary: { nrmse: 0.09 } });
    expect(run.history.slice(0, history.length)).toEqual(history);
    expect(run.rows.slice(history.length)).toMatchObject([
      { 'train/step': 7, 'train/loss': 0.5 },
      { 'train/step': 8, 'train/loss': 0.5 },
    ]);
    expect(server.violations).toEqual([]);
  });
});

describe('a run', () => {
  async function open(env: Environment = {}): ReturnType<typeof publisherFromEnv> {
    return publisherFromEnv({ env: { ...training.env, ...wandbEnvironment(), RUNCAST__HOST: 'inline', ...env } });
  }

  it('keeps a row of 11 MB out of W&B alone, and says why', async () => {
    const publisher = await open();
    const key = 'k'.repeat(1000);
    publisher.logStep({ step: 1, loss: 1 });
    publisher.log(Object.fromEntries(Array.from({ length: 11_000 }, (_, index) => [`${key}${index}`, 0.5])), {
      step: 2,
    });
    publisher.logStep({ step: 3, loss: 3 });
    const report = await publisher.close();
    expect(report.health.sinks['wandb']).toMatchObject({ refused: 1, lagRecords: 0 });
    expect(report.health.sinks['jsonl']).toMatchObject({ refused: 0, lagRecords: 0 });
    expect(stepsHeld()).toEqual([1, 3]);
    expect(training.rows().filter(({ kind }) => kind === 'log')).toHaveLength(1);
    const [name = ''] = readdirSync(path.join(training.root, 'runs', 'run-1', 'dead-letters'));
    expect(name).toBe('wandb.jsonl');
    expect(readFileSync(path.join(training.root, 'runs', 'run-1', 'dead-letters', name), 'utf8')).toContain(
      'the row is longer than the 10383360 bytes that W&B takes',
    );
    expect(server.violations).toEqual([]);
  });

  it('has keys with dots and slashes as they were logged', async () => {
    const metrics = { 'a.b': 1, 'a/b.c': 2, 'x..y': 3, '.z': 4, 'a//b': 5, '/a': 6, 'a b': 7, 'a\\.b': 8 };
    const publisher = await open();
    publisher.log(metrics, { step: 1 });
    publisher.log('se.ries/x', { 'm.n/o': 9 }, { step: 1 });
    publisher.logSummary({ 'best.loss/min': 0.5 });
    publisher.updateConfig({ 'opt.lr': 0.1, nested: { 'a.b': 1 } });
    expect(await publisher.close()).toMatchObject({ complete: true });
    const run = runOf('demo', 'run-1');
    expect(run.rows[0]).toMatchObject(metrics);
    const expected = { ...metrics, 'se.ries/x/m.n/o': 9, 'best.loss/min': 0.5 };
    expect(run.summary).toMatchObject(expected);
    expect(run.config).toMatchObject({ 'opt.lr': { value: 0.1 }, nested: { value: { 'a.b': 1 } } });
    expect(server.violations).toEqual([]);
  });

  it.skipIf(missingClient !== undefined)('has them so as well by way of wandb sync', async () => {
    const metrics = { 'a.b': 1, 'a/b.c': 2, 'x..y': 3, '.z': 4, '/a': 6, 'a b': 7 };
    const publisher = await open({ WANDB_MODE: 'offline', WANDB_DIR: training.root });
    publisher.log(metrics, { step: 1 });
    publisher.logSummary({ 'best.loss/min': 0.5 });
    await publisher.close();
    const [directory = ''] = readdirSync(path.join(training.root, 'wandb'));
    await client.command('sync', path.join(training.root, 'wandb', directory));
    const run = runOf('demo', 'run-1');
    expect(run.rows[0]).toMatchObject(metrics);
    expect(run.summary).toMatchObject({ ...metrics, 'best.loss/min': 0.5 });
  });

  it('goes on where W&B cannot be reached, and says at its end what is owed and why', async () => {
    await server.goDown();
    const publisher = await open({ RUNCAST__CLOSE_TIMEOUT_SECS: '1' });
    publisher.logStep({ step: 1, loss: 1 });
    const { undelivered } = await publisher.close();
    expect(undelivered).toHaveLength(1);
    expect(undelivered[0]).toMatchObject({ sink: 'wandb', records: 3 });
    expect(undelivered[0]?.reason).toMatch(/W&B could not be reached for Viewer: .*ECONNREFUSED/u);
    expect(undelivered[0]?.command).toMatch(/^npx runcast sync .* --to wandb$/u);
    expect(training.rows()).toHaveLength(3);
  });

  it('of a project with a slash is refused when it is opened, with the variable', async () => {
    await expect(open({ RUNCAST__PROJECT: 'a/b' })).rejects.toThrow(
      /run\.project \(RUNCAST__PROJECT, WANDB_PROJECT\): "a\/b" holds "\/", which W&B allows in no name/u,
    );
    expect(server.requests).toEqual([]);
  });
});
