import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const CACHE = join(ROOT, '.cache');

/** The README's TypeScript, block by block: what readers copy has to compile and run as it stands. */
const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gmu)].map(
  ([, code = ''], index) => ({ name: `block-${index + 1}.ts`, code }),
);

// Below the root, so that `runcast` resolves as it does for a reader who has installed it.
let directory = '';

beforeAll(() => {
  mkdirSync(CACHE, { recursive: true });
  directory = mkdtempSync(join(CACHE, 'readme-'));
  for (const { name, code } of blocks) writeFileSync(join(directory, name), code);
  const options = { extends: join(ROOT, 'tsconfig.json'), include: ['*.ts'] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(options));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe("the README's code", () => {
  test('is there', () => {
    expect(blocks.length).toBeGreaterThan(3);
  });

  test('compiles under the strictest options', () => {
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const output = execFileSync(process.execPath, [compiler, '-p', directory], { encoding: 'utf8' });
    expect(output).toBe('');
  });

  test.each(blocks)('runs: $name', ({ name, code }) => {
    const env = {
      ...process.env,
      JSONL__ENABLED: 'true',
      TENSORBOARD__ENABLED: 'true',
      TENSORBOARD__LOG_DIR: './tensorboard',
      STORE__ENABLED: 'true',
      NODE_OPTIONS: '--conditions=runcast-source',
    };
    const opens = /withPublisher|publisherFromEnv/u.test(code);
    const before = globSync('runs/*/run.json', { cwd: directory }).length;
    execFileSync(process.execPath, [join(directory, name)], { cwd: directory, env, timeout: 60_000 });
    expect(globSync('runs/*/run.json', { cwd: directory })).toHaveLength(before + (opens ? 1 : 0));
  });
});
