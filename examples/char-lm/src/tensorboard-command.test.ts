import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tensorboardCommands } from './tensorboard-command.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'char-lm-path-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function install(command: string): void {
  const file = join(directory, command);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
}

test('what is installed is used, the nearest first', () => {
  const env = { PATH: ['', '/nonexistent', join(directory, 'bin')].join(delimiter) };
  const commands = (): readonly string[] => tensorboardCommands('tensorboard', directory, env);
  expect(commands()[0]).toMatch(/^python3 -m venv \.cache\/tensorboard /u);
  install('bin/pipx');
  expect(commands()).toEqual(['pipx run tensorboard --logdir tensorboard']);
  install('.cache/venv/bin/tensorboard');
  expect(commands()).toEqual(['.cache/venv/bin/tensorboard --logdir tensorboard']);
  install('.cache/tensorboard/bin/tensorboard');
  expect(commands()).toEqual(['.cache/tensorboard/bin/tensorboard --logdir tensorboard']);
  install('bin/tensorboard');
  expect(commands()).toEqual(['tensorboard --logdir tensorboard']);
});

test('a path is quoted where a shell would take it apart', () => {
  install('tensorboard');
  const env = { PATH: directory };
  expect(tensorboardCommands("Ahab's logs", directory, env)).toEqual([
    String.raw`tensorboard --logdir 'Ahab'\''s logs'`,
  ]);
});

test('without a PATH nothing counts as installed', () => {
  expect(tensorboardCommands('./tb', directory, {})).toEqual([
    'python3 -m venv .cache/tensorboard && .cache/tensorboard/bin/pip install tensorboard',
    '.cache/tensorboard/bin/tensorboard --logdir ./tb',
  ]);
});
