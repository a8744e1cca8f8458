import { describe, expect, it } from 'vitest';
import { findViolations } from './source-rules.ts';

const OPENING = '// Why this module exists.\n';

function problemsIn(path: string, text: string): readonly string[] {
  return findViolations([{ path, text }]).map(({ at, problem }) => `${at} ${problem}`);
}

describe('suppression comments', () => {
  it.each([
    'eslint-disable-next-line no-console',
    'oxlint-disable',
    '@ts-ignore',
    '@ts-expect-error: not yet',
    '@ts-nocheck',
    'biome-ignore lint: why not',
    'prettier-ignore',
    'v8 ignore next',
    'c8 ignore start',
    'istanbul ignore if',
    'node:coverage disable',
    'jscpd:ignore-start',
  ])('finds “%s”', (comment) => {
    const before = `${OPENING}export const a = 1;\n`;
    const after = 'export const b = 2;\n';
    expect(problemsIn('packages/core/src/run.ts', `${before}// ${comment}\n${after}`)).toHaveLength(1);
    expect(problemsIn('tests/faults/kill.test.ts', `${before}${after}/* ${comment} */`)).toHaveLength(1);
  });

  it('says where the comment is', () => {
    expect(
      problemsIn('packages/core/src/run.ts', `${OPENING}export const a = [\n  1, // prettier-ignore\n];\n`),
    ).toEqual(['packages/core/src/run.ts:3 suppression comment “prettier-ignore”']);
  });

  it('finds those of other languages', () => {
    expect(problemsIn('tests/read.py', 'import os  # noqa\nx = 1  # type: ignore\n')).toHaveLength(2);
    expect(problemsIn('.ci/run', '# shellcheck disable=SC2086\n')).toHaveLength(1);
  });

  it('leaves strings, templates and regular expressions alone', () => {
    const text = `${OPENING}export const a = ['@ts-ignore', \`// \${'prettier-ignore'} // @ts-ignore\`, /v8 ignore/];\n`;
    expect(problemsIn('packages/core/src/run.ts', text)).toEqual([]);
  });
});

describe('imports', () => {
  it.each([
    ['packages/core/src/run.ts', '@runcast/append-file'],
    ['packages/append-file/src/index.ts', '@runcast/core'],
    ['packages/runlog/src/index.ts', '@runcast/delivery'],
    ['packages/delivery/src/index.ts', '@runcast/append-file'],
    ['packages/jsonl/src/sink.ts', '@runcast/delivery'],
    ['packages/tensorboard/src/sink.ts', 'runcast'],
    ['packages/runcast/src/index.ts', '@runcast/testing'],
    ['packages/core/src/run.test.ts', '@runcast/testing'],
    ['packages/new/src/index.ts', '@runcast/core'],
  ])('of %s do not include %s', (path, specifier) => {
    const folder = path.split('/')[1];
    const problem = `${path}:2 packages/${folder} may not import ${specifier}`;
    expect(problemsIn(path, `${OPENING}import { a } from '${specifier}';\n`)).toEqual([problem]);
    expect(problemsIn(path, `${OPENING}export * from '${specifier}';\n`)).toEqual([problem]);
    expect(problemsIn(path, `${OPENING}export const a = import('${specifier}');\n`)).toEqual([problem]);
  });

  it.each([
    ['packages/runlog/src/index.ts', '@runcast/core'],
    ['packages/jsonl/src/sink.ts', '@runcast/append-file'],
    ['packages/jsonl/src/sink.test.ts', '@runcast/testing'],
    ['packages/delivery/test/run-on-disk.ts', '@runcast/testing'],
    ['packages/runcast/src/index.ts', '@runcast/tensorboard'],
    ['packages/core/src/run.ts', 'zod'],
    ['tests/contract/sinks.test.ts', '@runcast/testing'],
    ['examples/bigram/train.ts', 'runcast'],
  ])('of %s include %s', (path, specifier) => {
    expect(problemsIn(path, `${OPENING}import { a } from '${specifier}';\n`)).toEqual([]);
  });

  it('do not reach inside another package', () => {
    const inside = "“@runcast/core/src/record.ts” is not a package's public entry";
    expect(problemsIn('tests/a.test.ts', "import '@runcast/core/src/record.ts';")).toEqual([
      `tests/a.test.ts:1 ${inside}`,
    ]);
    const relative = '“../../core/src/record.ts” reaches into another package: import it by its name';
    const path = 'packages/runlog/src/log.ts';
    expect(problemsIn(path, `${OPENING}import '../../core/src/record.ts';`)).toEqual([`${path}:2 ${relative}`]);
  });

  it('of neighbours end in .ts', () => {
    const path = 'packages/core/src/run.ts';
    expect(problemsIn(path, `${OPENING}import './record.js';`)).toEqual([
      `${path}:2 “./record.js” does not end in .ts`,
    ]);
    expect(problemsIn(path, `${OPENING}import './record.ts';`)).toEqual([]);
  });
});

describe('manifests', () => {
  it('depend on no package that may not be imported', () => {
    const manifest = {
      dependencies: { '@runcast/core': 'workspace:^', '@runcast/delivery': 'workspace:^', zod: '^4' },
    };
    expect(problemsIn('packages/jsonl/package.json', JSON.stringify(manifest))).toEqual([
      'packages/jsonl/package.json packages/jsonl may not depend on @runcast/delivery',
    ]);
  });

  it('of a package without a rule ask for one', () => {
    expect(problemsIn('packages/new/package.json', '{}')).toEqual([
      'packages/new/package.json say in scripts/source-rules.ts what packages/new may import',
    ]);
  });
});

describe('files', () => {
  it.each(['utils.ts', 'helpers.ts', 'types.ts', 'common.ts', 'common.test.ts'])('are not called %s', (name) => {
    expect(problemsIn(`packages/core/src/${name}`, OPENING)).toHaveLength(1);
  });

  it('open with a comment in a package', () => {
    const path = 'packages/core/src/run.ts';
    const problem = `${path}:1 a module opens with a comment that says why it exists`;
    expect(problemsIn(path, 'export const a = 1;\n')).toEqual([problem]);
    expect(problemsIn(path, `#!/usr/bin/env node\n${OPENING}`)).toEqual([]);
    expect(problemsIn(path, '/** Why. */\nexport const a = 1;\n')).toEqual([]);
  });
});
