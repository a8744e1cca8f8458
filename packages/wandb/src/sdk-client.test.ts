import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError } from '@runcast/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findSdk, loadSdk, type SdkPlace } from './sdk-client.ts';

function place(manifest: unknown): SdkPlace {
  return Object.assign(() => manifest, { resolve: () => '/there/index.cjs' });
}

const nowhere: SdkPlace = Object.assign(
  (name: string) => {
    throw new Error(`Cannot find module '${name}'\nRequire stack:\n- /a.js`);
  },
  { resolve: () => '' },
);

const OPTIONS = {
  id: 'run-1',
  project: 'demo',
  entity: 'team',
  name: undefined,
  config: {},
  settings: { apiKey: 'key', baseUrl: 'http://127.0.0.1:9', silent: true },
} as const;

/** A package whose main file this is. */
function packageOf(source: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'runcast-sdk-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'index.cjs');
  writeFileSync(file, source);
  return file;
}

describe('findSdk', () => {
  it('takes the first package of the version that is known', () => {
    expect(findSdk([nowhere, place({ version: '0.5.1' })])).toBe('/there/index.cjs');
  });

  it('finds the one that this workspace has', () => {
    expect(findSdk()).toMatch(/@wandb[/\\]sdk[/\\]index\.cjs$/u);
  });

  it.each([
    [nowhere, "Cannot find module '@wandb/sdk/package.json'"],
    [place({ version: '0.6.0' }), 'what was found is 0.6.0, and only 0.5.1 is known to work'],
    [place('none'), 'this @wandb/sdk is none that this version can work with; 0.5.1 is'],
  ])('says what to do where there is none', (given, reason) => {
    const message = `@wandb/sdk cannot be loaded: ${reason}; npm install @wandb/sdk@0.5.1, or set it to native`;
    expect(() => findSdk([given])).toThrow(new ConfigError([{ variable: 'WANDB__ENGINE', message }]));
  });
});

describe('loadSdk', () => {
  it.each([
    ['is nothing', 'module.exports = undefined'],
    ['has no client', 'module.exports = {}'],
    ['cannot begin a run', 'module.exports = { default: { init: 1 } }'],
  ])('refuses a package that %s', (_, source) => {
    expect(() => loadSdk(packageOf(source))).toThrow(/none that this version can work with; 0\.5\.1 is/u);
  });

  it.each([
    ['has no parts', '{}'],
    [
      'sends in another way',
      run({ filestream: '{ lastChunks: { "wandb-history.jsonl": {} }, delay: { cancel() {} } }' }),
    ],
    ['cannot be woken', run({ delay: '{}' })],
    ['cannot log', `{ ...${run({})}, log: 1 }`],
  ])('refuses a run that %s', async (_, source) => {
    const client = loadSdk(packageOf(`module.exports = { default: { init: async () => (${source}) } }`));
    await expect(client.init(OPTIONS)).rejects.toThrow(/none that this version can work with/u);
  });
});

/** The source of a run as the client has it. */
function run({
  filestream = '{ lastChunks: { "wandb-history.jsonl": { offset: 3 } }, delay: { cancel() {} }, async send() {} }',
  delay = '{ cancel() {} }',
}: {
  readonly filestream?: string;
  readonly delay?: string;
}): string {
  return `{ _messenger: { sender: { filestream: ${filestream}, delay: ${delay} } }, log() {}, async finish() {}, url() { return 'page'; } }`;
}

it('a run is asked by what it has', async () => {
  const client = loadSdk(packageOf(`module.exports = { default: { init: async () => (${run({})}) } }`));
  const handle = await client.init(OPTIONS);
  handle.log({}, 1);
  handle.collect();
  await handle.finish(0);
  expect([handle.rows(), handle.url()]).toEqual([3, 'page']);
});
