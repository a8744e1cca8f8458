import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  choice,
  describeSection,
  type EnvSection,
  flag,
  integer,
  optionalText,
  readSection,
  seconds,
  text,
} from './env-section.ts';

interface DemoConfig {
  readonly enabled: boolean;
  readonly dir: string;
  readonly every_n: number;
  readonly flush_secs: number;
  readonly mode: 'online' | 'offline';
  readonly api_key?: string | undefined;
}

const demo: EnvSection<DemoConfig> = {
  prefix: 'DEMO',
  schema: () =>
    z.object({
      enabled: flag(false),
      dir: text('./runs'),
      every_n: integer(10, 1, 1000),
      flush_secs: seconds(30, 0.5, 3600),
      mode: choice(['online', 'offline'], 'online'),
      api_key: optionalText(),
    }),
  docs: {
    enabled: { type: 'true or false', meaning: 'write' },
    dir: { type: 'directory', meaning: 'where' },
    every_n: { type: 'integer', meaning: 'how often' },
    flush_secs: { type: 'seconds', meaning: 'how soon' },
    mode: { type: 'online or offline', meaning: 'how' },
    api_key: { type: 'text', meaning: 'the key' },
  },
};

const DEFAULTS = { enabled: false, dir: './runs', every_n: 10, flush_secs: 30, mode: 'online' };

describe('reading', () => {
  it('gives the defaults of an empty environment, frozen', () => {
    const reading = readSection(demo, {});
    expect(reading).toEqual({ config: DEFAULTS, problems: [], warnings: [] });
    expect(Object.isFrozen(reading.config)).toBe(true);
  });

  it('takes blank variables for unset ones, and blanks around a value off', () => {
    const env = {
      DEMO__DIR: ' ',
      DEMO__MODE: '',
      DEMO__EVERY_N: '\t7\n',
      DEMO__NOTHING: ' ',
      DEMO__FLUSH_SECS: undefined,
    };
    expect(readSection(demo, env)).toEqual({ config: { ...DEFAULTS, every_n: 7 }, problems: [], warnings: [] });
  });

  it.each([
    ['ENABLED', 'true', { enabled: true }],
    ['ENABLED', '1', { enabled: true }],
    ['ENABLED', 'YES', { enabled: true }],
    ['ENABLED', 'On', { enabled: true }],
    ['ENABLED', 'false', { enabled: false }],
    ['ENABLED', '0', { enabled: false }],
    ['ENABLED', 'no', { enabled: false }],
    ['ENABLED', 'OFF', { enabled: false }],
    ['EVERY_N', '+1000', { every_n: 1000 }],
    ['FLUSH_SECS', '0.5', { flush_secs: 0.5 }],
    ['FLUSH_SECS', '3600', { flush_secs: 3600 }],
    ['MODE', 'Offline', { mode: 'offline' }],
    ['API_KEY', 'abc', { api_key: 'abc' }],
  ])('%s=%s', (field, value, expected) => {
    expect(readSection(demo, { [`DEMO__${field}`]: value }).config).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each([
    ['ENABLED', 'maybe', 'expects true or false, holds "maybe"'],
    ['EVERY_N', '0', 'expects an integer from 1 to 1000, holds "0"'],
    ['EVERY_N', '1001', 'expects an integer from 1 to 1000, holds "1001"'],
    ['EVERY_N', '1.5', 'expects an integer from 1 to 1000, holds "1.5"'],
    ['EVERY_N', 'ten', 'expects an integer from 1 to 1000, holds "ten"'],
    ['FLUSH_SECS', '0.4', 'expects a number of seconds from 0.5 to 3600, holds "0.4"'],
    ['FLUSH_SECS', '1e3', 'expects a number of seconds from 0.5 to 3600, holds "1e3"'],
    ['FLUSH_SECS', '4000', 'expects a number of seconds from 0.5 to 3600, holds "4000"'],
    ['MODE', 'dry', 'expects online or offline, holds "dry"'],
    ['DIR', 'a\0b', 'expects text without NUL characters, holds "a\\u0000b"'],
    ['API_KEY', 'a\0b', 'expects text without NUL characters, holds [redacted]'],
    ['DIRECTORY_OF_MINE', 'x', undefined],
    ['ENABLE', 'true', 'is not known; did you mean DEMO__ENABLED?'],
    ['DIRS', 'x', 'is not known; did you mean DEMO__DIR?'],
  ])('%s=%s is one problem at most: %s', (field, value, message) => {
    const variable = `DEMO__${field}`;
    const { config, problems, warnings } = readSection(demo, { [variable]: value });
    expect(problems).toEqual(message === undefined ? [] : [{ variable, message }]);
    expect(config === undefined).toBe(message !== undefined);
    expect(warnings).toEqual(message === undefined ? [`${variable} is not a variable of Runcast and is ignored`] : []);
  });

  it('finds all problems at once', () => {
    const { problems } = readSection(demo, {
      DEMO__ENABLED: 'x',
      DEMO__EVERY_N: 'x',
      DEMO__MODE: 'x',
      DEMO__MODES: 'x',
    });
    expect(problems.map((problem) => problem.variable)).toEqual([
      'DEMO__ENABLED',
      'DEMO__EVERY_N',
      'DEMO__MODE',
      'DEMO__MODES',
    ]);
  });

  it('does not look at what belongs to others', () => {
    expect(readSection(demo, { DEMO_ENABLED: 'x', OTHER__ENABLED: 'x', demo__enabled: 'x' })).toMatchObject({
      problems: [],
      warnings: [],
    });
  });

  it('shows no secret, and no more than the beginning of a value', () => {
    const { problems } = readSection(demo, { DEMO__MODE: 'redis://user:pass@host', DEMO__EVERY_N: 'x'.repeat(500) });
    expect(problems[1]?.message).toContain('holds "redis://[redacted]@host"');
    expect(problems[0]?.message).toMatch(/holds "x{200}"$/u);
  });

  it('has integers as large as doubles count, and no larger', () => {
    const wide: EnvSection<{ readonly n: number }> = {
      prefix: 'WIDE',
      schema: () => z.object({ n: integer(0, -5) }),
      docs: { n: { type: 'integer', meaning: 'n' } },
    };
    expect(readSection(wide, { WIDE__N: '-5' }).config).toEqual({ n: -5 });
    expect(readSection(wide, { WIDE__N: '9007199254740991' }).config).toEqual({ n: Number.MAX_SAFE_INTEGER });
    expect(readSection(wide, { WIDE__N: '9007199254740992' }).problems[0]?.message).toContain(
      'expects an integer from -5, holds',
    );
    expect(readSection(wide, { WIDE__N: '9'.repeat(400) }).problems).toHaveLength(1);
  });

  it('never throws: it gives a configuration or says why there is none', () => {
    const names = fc.oneof(
      fc.constantFrom(
        'DEMO__ENABLED',
        'DEMO__DIR',
        'DEMO__EVERY_N',
        'DEMO__FLUSH_SECS',
        'DEMO__MODE',
        'DEMO__API_KEY',
        'DEMO__',
        'DEMO____PROTO__',
      ),
      fc.string({ maxLength: 12 }).map((name) => `DEMO__${name}`),
      fc.string(),
    );
    const values = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('true', '7', '1.5', 'online', ''),
      fc.constant(undefined),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values)), (entries) => {
        const { config, problems } = readSection(demo, Object.fromEntries(entries));
        expect(config === undefined).toBe(problems.length > 0);
        expect(problems.every((problem) => problem.variable.startsWith('DEMO__'))).toBe(true);
      }),
    );
  });
});

describe('describing', () => {
  it('shows each variable with its default and what it holds, no secrets', () => {
    const env = { DEMO__DIR: '/data', DEMO__API_KEY: 'abc', DEMO__MODE: '' };
    expect(describeSection(demo, env)).toEqual([
      { variable: 'DEMO__ENABLED', type: 'true or false', default: 'false', value: undefined, meaning: 'write' },
      { variable: 'DEMO__DIR', type: 'directory', default: './runs', value: '"/data"', meaning: 'where' },
      { variable: 'DEMO__EVERY_N', type: 'integer', default: '10', value: undefined, meaning: 'how often' },
      { variable: 'DEMO__FLUSH_SECS', type: 'seconds', default: '30', value: undefined, meaning: 'how soon' },
      { variable: 'DEMO__MODE', type: 'online or offline', default: 'online', value: undefined, meaning: 'how' },
      { variable: 'DEMO__API_KEY', type: 'text', default: '', value: '[redacted]', meaning: 'the key' },
    ]);
  });

  it('shows a list as the variable would hold it', () => {
    const schema = z.object({
      keys: z
        .string()
        .default('a,b')
        .transform((list) => list.split(',')),
    });
    const section: EnvSection<object> = { prefix: 'LISTED', schema: () => schema, docs: {} };
    expect(describeSection(section, {})).toMatchObject([{ variable: 'LISTED__KEYS', default: 'a,b' }]);
  });

  it('shows a field that nobody documented, and a default that has no JSON form, by its name only', () => {
    const schema = z.object({
      hook: z
        .string()
        .optional()
        .transform(() => () => 'called'),
    });
    const section: EnvSection<object> = { prefix: 'ODD', schema: () => schema, docs: {} };
    expect(describeSection(section, {})).toEqual([
      { variable: 'ODD__HOOK', type: '', default: '', value: undefined, meaning: '' },
    ]);
  });
});

describe('a misspelt variable', () => {
  it.each([
    ['MDOE', 'MODE'],
    ['EVERYN', 'EVERY_N'],
    ['EVERY__N', 'EVERY_N'],
    ['APIKEYS', 'API_KEY'],
    ['FLUSHSEC', 'FLUSH_SECS'],
  ])('%s is taken for %s', (written, meant) => {
    expect(readSection(demo, { [`DEMO__${written}`]: 'x' }).problems[0]?.message).toBe(
      `is not known; did you mean DEMO__${meant}?`,
    );
  });

  it.each(['PASSWORD', 'APIKEYSS', 'FLUSHES'])("%s is somebody else's", (written) => {
    expect(readSection(demo, { [`DEMO__${written}`]: 'x' })).toMatchObject({
      problems: [],
      warnings: [expect.stringContaining(written)],
    });
  });
});
