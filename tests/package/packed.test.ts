// The packages as a user gets them: packed, installed by npm into an empty project, and used from ES modules, from
// `require()`, from the command line and by the compiler, on the Node of this workspace and on the oldest one supported.
// What is packed is what `pnpm build` last built.
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const top = path.join(import.meta.dirname, '..', '..');
const names = globSync('packages/*/package.json', { cwd: top })
  .toSorted()
  .map((file) => manifestIn(path.join(top, file, '..')).name);

/** Node 24, on which the tests run, and Node 22.15, the first that `engines` allows. */
const nodes = [
  { version: 'v24', node: process.execPath },
  { version: 'v22.15.0', node: path.join(top, 'node_modules', 'node-22', 'bin', 'node') },
];

/** The one program that both module systems run, given a folder to write to. It says where deliveries live. */
const TRAINER = `
withPublisher(
  {
    env: { JSONL__ENABLED: 'true', JSONL__DIR: process.argv[2], RUNCAST__DIR: process.argv[2] },
    run: { id: 'packed', project: 'packed' },
  },
  async (publisher) => {
    publisher.logStep({ step: 1, loss: 0.5 });
    console.log(publisher.health().host);
  },
);
`;

const PROGRAMS = {
  'trainer.mjs': `import { withPublisher } from 'runcast';\n${TRAINER}`,
  'trainer.cjs': `const { withPublisher } = require('runcast');\n${TRAINER}`,
};

let project = '';

function manifestIn(folder: string): { readonly name: string; readonly exports: unknown } {
  const manifest: unknown = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null) throw new TypeError(`${folder} has no manifest`);
  if (!('name' in manifest) || typeof manifest.name !== 'string') throw new TypeError(`${folder} has no name`);
  return { name: manifest.name, exports: 'exports' in manifest ? manifest.exports : undefined };
}

/** Runs in the empty project, without what leads to this workspace's sources or watches their coverage. */
function run(command: string, args: readonly string[], cwd: string = project): string {
  const env = { ...process.env, NODE_OPTIONS: undefined, NODE_PATH: undefined, NODE_V8_COVERAGE: undefined };
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'runcast-packed-'));
  const tarballs = path.join(project, 'tarballs');
  mkdirSync(tarballs);
  const packages = ['--recursive', '--filter', './packages/*'];
  run('npx', ['-y', 'pnpm@12', ...packages, 'pack', '--pack-destination', tarballs], top);
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'user', private: true }));
  for (const [name, text] of Object.entries(PROGRAMS)) {
    writeFileSync(path.join(project, name), text);
  }
  const files = readdirSync(tarballs).map((name) => path.join(tarballs, name));
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...files]);
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

describe.each(names)('%s', (name) => {
  it('points at nothing that it does not contain', () => {
    const installed = path.join(project, 'node_modules', name);
    const targets = JSON.stringify(manifestIn(installed).exports).match(/\.\/dist\/[^"]+/g) ?? [];
    expect(targets).not.toEqual([]);
    expect(targets.filter((target) => globSync(target, { cwd: installed }).length === 0)).toEqual([]);
    expect(globSync('**/*.ts', { cwd: installed, exclude: ['**/*.d.ts', 'node_modules/**'] })).toEqual([]);
  });
});

it('declares the types of all packages to ES modules and to CommonJS', () => {
  const imports = names.map((name, index) => `import * as all${index} from '${name}';\n`).join('');
  const uses = names.map((_, index) => `all${index}`).join();
  const files = ['user.mts', 'user.cts'].map((file) => path.join(project, file));
  for (const file of files) {
    writeFileSync(file, `${imports}const exported: readonly object[] = [${uses}];\nvoid exported;\n`);
  }
  const typeRoots = path.join(top, 'node_modules', '@types');
  const options = [
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--strict',
    '--types',
    'node',
    '--typeRoots',
    typeRoots,
  ];
  const tsc = path.join(top, 'node_modules', 'typescript', 'bin', 'tsc');
  expect(run(process.execPath, [tsc, '--noEmit', ...options, ...files])).toBe('');
});

describe.each(nodes)('on Node $version', ({ version, node }) => {
  it('is that version', () => {
    expect(run(node, ['--version'])).toMatch(new RegExp(`^${version}`));
  });

  it.each(names)('%s gives import and require() the same', (name) => {
    const print = 'console.log(Object.keys(all).sort().join())';
    const imported = run(node, ['--input-type=module', '-e', `import * as all from '${name}'; ${print}`]);
    const required = run(node, ['-e', `const all = require('${name}'); ${print}`]);
    expect(imported.trim()).not.toBe('');
    expect(required).toBe(imported);
  });

  it.each(Object.keys(PROGRAMS))('%s records a run, delivered by the worker thread', (program) => {
    const folder = mkdtempSync(path.join(project, 'run-'));
    expect(run(node, [program, folder])).toBe('worker\n');
    expect(readFileSync(path.join(folder, 'packed.jsonl'), 'utf8')).toContain('"train/loss":0.5');
  });

  it('has a runcast command', () => {
    expect(run(node, [path.join(project, 'node_modules', '.bin', 'runcast'), '--help'])).toContain('runcast');
  });
});
