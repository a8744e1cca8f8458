import { ConfigError, readSection } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { parseSinkConfig, tensorboardEnv } from './config.ts';

describe('tensorboardEnv', () => {
  it('has its defaults', () => {
    expect(readSection(tensorboardEnv, {}).config).toEqual({
      enabled: false,
      log_dir: '/data/tensorboard',
      flush_secs: 30,
      log_every_n_steps: 10,
      engine: 'native',
    });
  });

  it('reads what is set, into a frozen object', () => {
    const { config } = readSection(tensorboardEnv, {
      TENSORBOARD__ENABLED: 'true',
      TENSORBOARD__LOG_DIR: './tb',
      TENSORBOARD__FLUSH_SECS: '5',
      TENSORBOARD__LOG_EVERY_N_STEPS: '1',
      TENSORBOARD__ENGINE: 'TFJS',
    });
    expect(config).toEqual({ enabled: true, log_dir: './tb', flush_secs: 5, log_every_n_steps: 1, engine: 'tfjs' });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    ['TENSORBOARD__ENABLED', 'maybe', 'expects true or false, holds "maybe"'],
    ['TENSORBOARD__FLUSH_SECS', '0', 'expects an integer from 1, holds "0"'],
    ['TENSORBOARD__LOG_EVERY_N_STEPS', '1.5', 'expects an integer from 1, holds "1.5"'],
    ['TENSORBOARD__ENGINE', 'torch', 'expects native or tfjs, holds "torch"'],
    ['TENSORBOARD__LOGDIR', 'x', 'is not known; did you mean TENSORBOARD__LOG_DIR?'],
  ])('refuses %s=%s', (variable, value, message) => {
    expect(readSection(tensorboardEnv, { [variable]: value })).toMatchObject({
      config: undefined,
      problems: [{ variable, message }],
    });
  });
});

function parseNonsense(): unknown {
  return parseSinkConfig({ logDir: 'a\0b', flushSecs: 0, logEveryNSteps: 0.5, colour: 1 });
}

describe('parseSinkConfig', () => {
  it('fills in the defaults', () => {
    expect(parseSinkConfig({ logDir: 'tb' })).toEqual({
      logDir: 'tb',
      flushSecs: 30,
      logEveryNSteps: 10,
      engine: 'native',
    });
    expect(parseSinkConfig({ logDir: 'tb', engine: 'tfjs' })).toMatchObject({ engine: 'tfjs' });
  });

  it('names everything that is wrong', () => {
    expect(parseNonsense).toThrow(ConfigError);
    expect(parseNonsense).toThrow(
      /^4 configuration problems\n {2}tensorboard\.logDir: .*NUL.*\n {2}tensorboard\.flushSecs: .*\n {2}tensorboard\.logEveryNSteps: .*\n {2}tensorboard: .*colour/u,
    );
    expect(() => parseSinkConfig({ logDir: '' })).toThrow('tensorboard.logDir: expects a path');
  });
});
