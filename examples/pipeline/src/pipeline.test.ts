import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRecord, type RunRecord } from 'runcast';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const TIMEOUT_MS = 60_000;
let directory = '';

function start(module: string): string {
  const env = {
    ...process.env,
    RUNCAST__DIR: join(directory, 'runs'),
    JSONL__ENABLED: 'true',
    JSONL__DIR: join(directory, 'rows'),
    TENSORBOARD__ENABLED: 'true',
    TENSORBOARD__LOG_DIR: join(directory, 'tensorboard'),
  };
  const options = { env, cwd: directory, encoding: 'utf8', timeout: TIMEOUT_MS } as const;
  return execFileSync(process.execPath, ['--conditions=runcast-source', join(import.meta.dirname, module)], options);
}

function lines(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: directory }).flatMap((path) =>
    readFileSync(join(directory, path), 'utf8').split('\n').slice(0, -1),
  );
}

function records(): readonly RunRecord[] {
  return lines('runs/*/log/*.jsonl').flatMap((line) => {
    const parsed = parseRecord(line);
    return parsed.ok ? [parsed.record] : [];
  });
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'runcast-pipeline-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('the pipeline', () => {
  test(
    'is three processes and one run, delivered whole',
    () => {
      expect(start('orchestrate.ts')).toContain('held-out error');
      expect(globSync('runs/*/run.json', { cwd: directory })).toHaveLength(1);
      const logged = records();
      expect(logged.filter(({ kind }) => kind === 'open')).toHaveLength(3);
      expect(logged.filter((record) => record.kind === 'close' && record.final)).toHaveLength(1);
      expect(logged.filter(({ kind }) => kind === 'log')).toHaveLength(2000);
      expect(lines('rows/*.jsonl')).toHaveLength(logged.length);
      expect(globSync('tensorboard/*/events.out.tfevents.*', { cwd: directory })).toHaveLength(1);
    },
    TIMEOUT_MS,
  );
});
