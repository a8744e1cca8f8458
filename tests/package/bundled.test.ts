// A bundler puts everything into one file and loses those that are found by URL: the worker's and the sinks'.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';

const TRAINER = `
import { publisherFromEnv } from 'runcast';
const publisher = await publisherFromEnv({ run: { id: 'bundled' } });
for (let step = 0; step < 100; step += 1) publisher.logStep({ step, loss: 1 / (step + 1) });
const { complete, health } = await publisher.close();
console.log(JSON.stringify({ complete, host: health.host, reason: health.hostReason }));
`;

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'runcast-bundled-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

it('delivers on the trainer’s own loop, and says why, where a bundler has lost the worker', async () => {
  await build({
    stdin: { contents: TRAINER, resolveDir: path.join(import.meta.dirname, '..', '..') },
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['runcast-source'],
    outfile: path.join(directory, 'trainer.mjs'),
  });
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    JSONL__ENABLED: 'true',
    TENSORBOARD__ENABLED: 'true',
    TENSORBOARD__LOG_DIR: './tensorboard',
  };
  const output = execFileSync(process.execPath, ['trainer.mjs'], { cwd: directory, env, encoding: 'utf8' });
  const report: unknown = JSON.parse(output);
  expect(report).toMatchObject({ complete: true, host: 'inline' });
  expect(output).toContain('as after bundling');
  const rows = readFileSync(path.join(directory, 'runs', 'jsonl', 'bundled.jsonl'), 'utf8').split('\n');
  expect(rows.filter((row) => row.includes('"kind":"step"'))).toHaveLength(100);
});
