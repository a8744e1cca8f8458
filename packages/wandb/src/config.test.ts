import { ConfigError } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { nameProblems, parseSinkConfig } from './config.ts';
import { wandbSink } from './spec.ts';

describe("the sink's options", () => {
  it('have defaults', () => {
    expect(parseSinkConfig({ apiKey: 'key' })).toEqual({
      mode: 'online',
      engine: 'native',
      apiKey: 'key',
      baseUrl: 'https://api.wandb.ai',
      dir: '.',
      logEveryNSteps: 1,
      images: 'both',
      fallback: {},
    });
  });

  it.each([
    [{}, /wandb\.apiKey \(WANDB_API_KEY\): is needed for WANDB__MODE=online, here or in ~\/\.netrc/u],
    [{ apiKey: 'a b' }, /wandb\.apiKey \(WANDB_API_KEY\): holds blanks/u],
    [{ apiKey: 'key', baseUrl: 'ftp://x' }, /wandb\.baseUrl \(WANDB_BASE_URL\): expects an http or https URL/u],
    [{ apiKey: 'key', baseUrl: 'https://user:secret@host' }, /expects an http or https URL/u],
    [
      { apiKey: 'key', project: 'a/b' },
      /wandb\.project \(WANDB__PROJECT\): "a\/b" holds "\/", which W&B allows in no name/u,
    ],
    [{ engine: 'other' }, /wandb\.engine: /u],
    [
      { mode: 'offline', engine: 'sdk' },
      /wandb\.engine \(WANDB__ENGINE\): is sdk, and W&B's client for Node keeps nothing offline/u,
    ],
    [{ apiKey: 'key', logEveryNSteps: 0 }, /wandb\.logEveryNSteps: /u],
    [{ apiKey: 'key', maxImageSize: { width: 0, height: 1 } }, /wandb\.maxImageSize\.width: /u],
  ])('refuse %o', (options, problem) => {
    expect(() => parseSinkConfig(options)).toThrow(ConfigError);
    expect(() => parseSinkConfig(options)).toThrow(problem);
  });

  it('need no key offline', () => {
    expect(parseSinkConfig({ mode: 'offline' }).mode).toBe('offline');
  });

  it('become data that a worker can be given', () => {
    const { name, module, config } = wandbSink({ mode: 'offline', dir: '/runs', project: 'demo' });
    expect([name, module.endsWith('/src/sink.ts')]).toEqual(['wandb', true]);
    expect(config).toMatchObject({ mode: 'offline', dir: '/runs', project: 'demo' });
    expect(structuredClone(config)).toEqual(config);
  });
});

it("names are W&B's", () => {
  expect(nameProblems(undefined, 'x')).toEqual([]);
  expect(nameProblems('demo run_1.2', 'x')).toEqual([]);
  expect(nameProblems('x'.repeat(129), 'run.id')).toEqual([
    { variable: 'run.id', message: 'is 129 characters long; W&B allows 128' },
  ]);
});
