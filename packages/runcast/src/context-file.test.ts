import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@runcast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contextFromEnv, encodeContext } from './context-file.ts';

let dir = '';
let file = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'runcast-context-'));
  file = join(dir, 'context.json');
});

afterEach(() => rmSync(dir, { recursive: true }));

describe('a run to join', () => {
  it('is read back as its owner has written it', () => {
    writeFileSync(file, encodeContext('run-1', '/data/runs/run-1', 'demo', 'team'));
    const context = { runId: 'run-1', dir: '/data/runs', project: 'demo', entity: 'team' };
    expect(contextFromEnv(file, {})).toEqual(context);
    expect(contextFromEnv(undefined, { WANDB_CONTEXT_FILE: file })).toEqual(context);
  });

  it('may have no project and no entity', () => {
    writeFileSync(file, encodeContext('run-1', '/data/runs/run-1', undefined, undefined));
    expect(contextFromEnv(file, {})).toEqual({
      runId: 'run-1',
      dir: '/data/runs',
      project: undefined,
      entity: undefined,
    });
  });

  it('may come from a pipeline that knows of W&B only, and says nothing of directories', () => {
    writeFileSync(file, '{"run_id":"run-1","project":"demo","entity":"team"}');
    expect(contextFromEnv(undefined, { WANDB_CONTEXT_FILE: ` ${file} ` })).toMatchObject({
      runId: 'run-1',
      dir: undefined,
    });
  });

  it('is the one that Runcast was told of before that of W&B', () => {
    writeFileSync(file, '{"run_id":"run-1"}');
    expect(contextFromEnv(file, { WANDB_CONTEXT_FILE: '/nowhere' })?.runId).toBe('run-1');
  });
});

describe('none', () => {
  it('is where no variable names a file, and where that of W&B is not there', () => {
    expect(contextFromEnv(undefined, {})).toBeUndefined();
    expect(contextFromEnv(undefined, { WANDB_CONTEXT_FILE: ' ' })).toBeUndefined();
    expect(contextFromEnv(undefined, { WANDB_CONTEXT_FILE: join(dir, 'none.json') })).toBeUndefined();
  });
});

describe('a mistake', () => {
  it.each([
    ['no JSON', 'run 1', /is not valid JSON/u],
    ['no run', '{"run_dir":"/data/runs/run-1"}', /run_id/u],
    ['a run id that cannot be one', '{"run_id":"../run-1"}', /the run id "\.\.\/run-1" holds a slash/u],
    [
      'another directory than that of the run',
      '{"run_id":"run-1","run_dir":"/data/runs/run-2"}',
      /the run id is not the name of its directory \/data\/runs\/run-2/u,
    ],
  ])('is %s', (_case, text, message) => {
    writeFileSync(file, text);
    const read = (): unknown => contextFromEnv(file, {});
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
    expect(read).toThrow(
      `RUNCAST__CONTEXT_FILE: expects a context file that a run's owner has written, holds "${file}"`,
    );
  });

  it('is a file that is not there, where Runcast was told of it', () => {
    expect(() => contextFromEnv(file, {})).toThrow(/RUNCAST__CONTEXT_FILE: .*ENOENT/u);
  });

  it('names the variable of W&B where that is at fault', () => {
    writeFileSync(file, '{}');
    expect(() => contextFromEnv(undefined, { WANDB_CONTEXT_FILE: file })).toThrow(/WANDB_CONTEXT_FILE: expects/u);
  });
});
