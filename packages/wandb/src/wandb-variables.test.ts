import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { netrcPassword } from './netrc.ts';
import { wandbSinkOf } from './spec.ts';
import { readWandbSettings } from './wandb-variables.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'runcast-home-'));
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

describe('the environment', () => {
  it('that says nothing has W&B off, and no problem', () => {
    const { config, problems, warnings } = readWandbSettings({});
    expect([problems, warnings]).toEqual([[], []]);
    expect(config).toEqual({
      enabled: false,
      mode: 'online',
      engine: 'native',
      log_every_n_steps: 1,
      image_format: 'both',
      baseUrl: 'https://api.wandb.ai',
      apiKey: undefined,
      dir: '.',
      fallback: { runId: undefined, project: undefined, entity: undefined, group: undefined, tags: [] },
    });
  });

  it("is read in both tongues, Runcast's before W&B's", () => {
    const { config } = readWandbSettings({
      WANDB__ENABLED: 'true',
      WANDB__PROJECT: 'own',
      WANDB__MAX_IMAGE_SIZE: '800x600',
      WANDB__MODE: 'Online',
      WANDB_MODE: 'disabled',
      WANDB_PROJECT: 'theirs',
      WANDB_ENTITY: 'team',
      WANDB_RUN_ID: 'run-7',
      WANDB_RUN_GROUP: 'sweep',
      WANDB_TAGS: ' a, b ,,',
      WANDB_DIR: '/offline',
      WANDB_API_KEY: ' key ',
      WANDB_BASE_URL: 'https://wandb.example.com/',
    });
    expect(config).toMatchObject({
      enabled: true,
      mode: 'online',
      project: 'own',
      max_image_size: { width: 800, height: 600 },
      apiKey: 'key',
      baseUrl: 'https://wandb.example.com',
      dir: '/offline',
      fallback: { runId: 'run-7', project: 'theirs', entity: 'team', group: 'sweep', tags: ['a', 'b'] },
    });
  });

  it.each([
    ['offline', 'offline'],
    ['dryrun', 'offline'],
    ['run', 'online'],
    ['Disabled', 'disabled'],
  ])('with WANDB_MODE=%s is %s', (mode, expected) => {
    expect(readWandbSettings({ WANDB_MODE: mode }).config?.mode).toBe(expected);
  });

  it('that is wrong is told by the variable that is', () => {
    const problems = (env: Readonly<Record<string, string>>): unknown => readWandbSettings(env).problems;
    expect(problems({ WANDB_MODE: 'shared' })).toEqual([
      { variable: 'WANDB_MODE', message: 'expects online or offline or disabled, holds "shared"' },
    ]);
    expect(problems({ WANDB__MODE: 'shared', WANDB__MAX_IMAGE_SIZE: '800' })).toEqual([
      { variable: 'WANDB__MODE', message: 'expects online or offline or disabled, holds "shared"' },
      { variable: 'WANDB__MAX_IMAGE_SIZE', message: 'expects pixels as <width>x<height>, holds "800"' },
    ]);
    expect(problems({ WANDB__ENGINE: 'sdk' })).toEqual([]);
    expect(problems({ WANDB__ENABLED: 'true', WANDB__ENGINE: 'sdk', WANDB_MODE: 'offline' })).toEqual([
      {
        variable: 'WANDB__ENGINE',
        message: "is sdk, and W&B's client for Node keeps nothing offline; set it to native, or WANDB__MODE=online",
      },
    ]);
    expect(problems({ WANDB__ENABLED: 'true', HOME: home })).toMatchObject([{ variable: 'WANDB_API_KEY' }]);
    expect(problems({ WANDB__ENABLED: 'true', WANDB_API_KEY: 'key', WANDB_BASE_URL: 'wandb' })).toMatchObject([
      { variable: 'WANDB_BASE_URL' },
    ]);
    expect(problems({ WANDB__ENABLED: 'true', WANDB_MODE: 'offline', WANDB__PROJECT: 'a/b' })).toMatchObject([
      { variable: 'WANDB__PROJECT' },
    ]);
  });

  it('becomes a sink, on or off', () => {
    const { config } = readWandbSettings({ WANDB_MODE: 'offline', WANDB_PROJECT: 'demo', WANDB_DIR: 'there' });
    if (config === undefined) throw new Error('there are problems');
    expect(wandbSinkOf(config, '/here').config).toMatchObject({
      mode: 'offline',
      dir: '/here/there',
      fallback: { project: 'demo' },
    });
  });
});

describe('the key', () => {
  const netrc = 'machine api.wandb.ai\n  login user\n  password first # W&B\nmachine other login me password second\n';

  it('is found in .netrc where no variable has it', () => {
    writeFileSync(path.join(home, '.netrc'), netrc);
    const keyOf = (env: Readonly<Record<string, string>>): unknown =>
      readWandbSettings({ WANDB__ENABLED: 'true', HOME: home, ...env }).config?.apiKey;
    expect(keyOf({})).toBe('first');
    expect(keyOf({ WANDB_BASE_URL: 'http://other:8080' })).toBe('second');
    expect(keyOf({ WANDB_API_KEY: 'own' })).toBe('own');
    expect(keyOf({ WANDB__ENABLED: 'false' })).toBeUndefined();
  });

  it('is found in the file that NETRC names', () => {
    const file = path.join(home, 'keys');
    writeFileSync(file, netrc);
    const env = { WANDB__ENABLED: 'true', NETRC: file };
    expect(readWandbSettings(env).config?.apiKey).toBe('first');
    expect(readWandbSettings({ ...env, NETRC: home }).problems).toMatchObject([{ variable: 'WANDB_API_KEY' }]);
  });

  it.each([
    ['machine h password p', 'p'],
    ['machine h login password password p', 'p'],
    ['machine other password p', undefined],
    ['default login me password p', undefined],
    ['machine h login me # password p', undefined],
    ['', undefined],
  ])('in %j is %s', (text, password) => {
    expect(netrcPassword(text, 'h')).toBe(password);
  });
});
