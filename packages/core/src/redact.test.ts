import * as fc from 'fast-check';
import { assert, describe, expect, it } from 'vitest';
import { type JsonObject, toJson } from './json.ts';
import { isSecretName, REDACTED, redactArguments, redactJson, redactObject, redactText } from './redact.ts';

const FORMS: readonly (readonly [string, string])[] = [
  ['GitHub', `ghp_${'a1B2'.repeat(9)}`],
  ['GitHub, fine-grained', `github_pat_${'a1B2_'.repeat(8)}`],
  ['GitLab', `glpat-${'a1B2'.repeat(5)}`],
  ['OpenAI', `sk-proj-${'a1B2'.repeat(8)}`],
  ['AWS', `AKIA${'A1B2'.repeat(4)}`],
  ['Slack', `xoxb-${'1234-'.repeat(3)}abc`],
  ['Google', `AIza${'a1B_'.repeat(9)}`],
  ['Hugging Face', `hf_${'a1B2'.repeat(8)}`],
  ['npm', `npm_${'a1B2'.repeat(9)}`],
  ['JSON web token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl'],
  ['PEM', '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'],
  ['PEM, cut', '-----BEGIN PRIVATE KEY-----\nMIIE'],
  ['Bearer', 'Bearer abcdefgh12345678=='],
];

describe('a secret by its form', () => {
  it.each(FORMS)('%s', (_name, secret) => {
    expect(redactText(secret)).toBe(REDACTED);
    expect(redactText(`before ${secret} after`)).not.toContain(secret.slice(0, 20));
    expect(redactText(`before ${secret}`)).toBe(`before ${REDACTED}`);
  });

  it.each([
    ['https://user:pass@example.com/r.git', `https://${REDACTED}@example.com/r.git`],
    ['https://user@example.com', `https://${REDACTED}@example.com`],
    ['redis://:pass@localhost:6379/0', `redis://${REDACTED}@localhost:6379/0`],
    ['see postgres://u:p@db/x and redis://:q@r', `see postgres://${REDACTED}@db/x and redis://${REDACTED}@r`],
    ['git@github.com:owner/name.git', 'git@github.com:owner/name.git'],
    ['https://example.com/@user', 'https://example.com/@user'],
    ['https://example.com/?mail=a@b', 'https://example.com/?mail=a@b'],
  ])('%s', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it('leaves ordinary text alone', () => {
    const ordinary = 'disk-0, task-12345678901234567, skip, AKIA, Bearer of news, model eyJ, 20 tokens a second';
    expect(redactText(ordinary)).toBe(ordinary);
  });

  it('is gone after one time, and nothing changes after that', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom(...FORMS.map(([, secret]) => secret)))), (parts) => {
        const once = redactText(parts.join(' '));
        expect(redactText(once)).toBe(once);
      }),
    );
  });
});

describe('a secret by its name', () => {
  it.each([
    'password',
    'WANDB_API_KEY',
    'apiKey',
    'APIKey',
    'x-auth-token',
    'aws.secret',
    'privateKeyPath',
    'accessKeyId',
    'Authorization',
  ])('%s is one', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each([
    'latent_tokens',
    'tokenizer',
    'key',
    'keyboard',
    'author',
    'monkey',
    'key_metrics',
    'passes',
    '',
    'api_monkey',
  ])('%j is none', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe('JSON', () => {
  it('loses what is secret by name or form, at any depth', () => {
    const given: JsonObject = {
      api_key: 'abc',
      nested: [{ password: 'p', note: 'ghp_'.padEnd(30, 'a') }],
      empty_token: '',
      latent_tokens: 64,
      token: 5,
      on: true,
      none: null,
    };
    expect(redactObject(given)).toEqual({
      api_key: REDACTED,
      nested: [{ password: REDACTED, note: REDACTED }],
      empty_token: '',
      latent_tokens: 64,
      token: 5,
      on: true,
      none: null,
    });
  });

  it('loses every text below a secret name', () => {
    expect(redactObject({ secrets: ['a', { user: 'b', tries: 3 }], credentials: { plain: 'c', empty: '' } })).toEqual({
      secrets: [REDACTED, { user: REDACTED, tries: 3 }],
      credentials: { plain: REDACTED, empty: '' },
    });
  });

  it('keeps its names, its shape and every number', () => {
    const skeleton = (value: unknown): unknown => {
      if (typeof value === 'string') return 'text';
      if (Array.isArray(value)) return value.map(skeleton);
      if (typeof value !== 'object' || value === null) return value;
      return Object.entries(value).map(([name, member]) => [name, skeleton(member)]);
    };
    const names = fc.constantFrom('token', 'password', 'loss', 'api_key', '__proto__', 'a');
    const { value: json } = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.string(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.array(fc.tuple(names, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    fc.assert(
      fc.property(json, (given) => {
        const written = toJson(given);
        assert(written.ok);
        expect(skeleton(redactJson(written.value))).toEqual(skeleton(written.value));
      }),
    );
  });
});

describe('arguments', () => {
  it.each([
    [
      ['--api-key', 'abc', '--lr', '3e-4'],
      ['--api-key', REDACTED, '--lr', '3e-4'],
    ],
    [
      ['--api-key=abc', 'WANDB_API_KEY=a=b'],
      [`--api-key=${REDACTED}`, `WANDB_API_KEY=${REDACTED}`],
    ],
    [
      ['--password', '--verbose'],
      ['--password', '--verbose'],
    ],
    [
      ['token', 'abc'],
      ['token', 'abc'],
    ],
    [
      ['--token=', 'abc'],
      ['--token=', 'abc'],
    ],
    [['--url=https://u:p@h/'], [`--url=https://${REDACTED}@h/`]],
    [['https://u:p@h/'], [`https://${REDACTED}@h/`]],
    [[], []],
  ])('%j', (argv, expected) => {
    expect(redactArguments(argv)).toEqual(expected);
  });
});
