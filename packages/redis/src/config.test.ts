import { ConfigError, describeSection, readSection } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { parseSinkConfig, redisEnv, serverAddress } from './config.ts';
import { createSink } from './sink.ts';
import { redisSink } from './spec.ts';

const DEFAULTS = {
  enabled: false,
  url: 'redis://localhost:6379/0',
  stream: 'trainer_metrics_events',
  max_len: undefined,
  log_every_n_steps: 1,
};

describe('the REDIS__ variables', () => {
  it('have defaults', () => {
    expect(readSection(redisEnv, {}).config).toEqual(DEFAULTS);
  });

  it.each([
    'redis://localhost',
    'redis://10.0.0.1:6380/3',
    'rediss://trainer:secret@redis.example:6380/0',
    'redis://[::1]:6379/',
  ])('take the URL %s', (url) => {
    expect(readSection(redisEnv, { REDIS__URL: url }).config).toMatchObject({ url });
  });

  it.each(['localhost:6379', 'http://localhost:6379', 'redis://', 'redis://host/first', '/var/run/redis.sock'])(
    'refuse the URL %s',
    (url) => {
      const { problems } = readSection(redisEnv, { REDIS__URL: url });
      expect(problems).toMatchObject([{ variable: 'REDIS__URL' }]);
      expect(problems[0]?.message).toContain('expects redis://');
    },
  );

  it('never show a password', () => {
    const env = { REDIS__URL: 'http://trainer:opensesame@host', REDIS__MAX_LEN: '0' };
    const { problems } = readSection(redisEnv, env);
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain('opensesame');
    const shown = describeSection(redisEnv, { REDIS__URL: 'redis://:opensesame@host' });
    expect(JSON.stringify(shown)).not.toContain('opensesame');
  });

  it.each(['0', '-1', 'many', '1.5', '99999999999999999999'])('refuse %s as a length', (length) => {
    expect(readSection(redisEnv, { REDIS__MAX_LEN: length }).problems).toMatchObject([{ variable: 'REDIS__MAX_LEN' }]);
  });

  it('take a length and a stream, and no control characters in its name', () => {
    const env = { REDIS__MAX_LEN: '1000', REDIS__STREAM: 'group-a' };
    expect(readSection(redisEnv, env).config).toEqual({ ...DEFAULTS, max_len: 1000, stream: 'group-a' });
    expect(readSection(redisEnv, { REDIS__STREAM: 'a\nb' }).problems).toHaveLength(1);
  });
});

describe('the sink as data', () => {
  it('has defaults, and makes a sink', async () => {
    const spec = redisSink({ logEveryNSteps: 5 });
    expect(spec).toMatchObject({ name: 'redis', config: { stream: 'trainer_metrics_events', maxLen: null } });
    const module = await spec.load?.();
    expect(module?.createSink(spec.config)).toMatchObject({ name: 'redis', logEveryNSteps: 5 });
    expect(spec.module).toMatch(/sink\.ts$/u);
  });

  it('says everything that is wrong, without the password', () => {
    const make = (): unknown => createSink({ url: 'ftp://:opensesame@host', maxLen: 0, other: 1 });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/3 configuration problems/u);
    expect(make).not.toThrow(/opensesame/u);
    expect(() => parseSinkConfig({ stream: '' })).toThrow('redis.stream: expects the name of a stream');
  });
});

it('shows a server without user and password', () => {
  expect(serverAddress('rediss://trainer:secret@host:6380/2')).toBe('rediss://host:6380/2');
});
