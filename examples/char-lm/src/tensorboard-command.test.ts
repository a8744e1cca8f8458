import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
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
  writeFileSync(join(directory, command), '#!/bin/sh\n');
  chmodSync(join(directory, command), 0o755);
}

test('what is installed is used, TensorBoard before pipx', () => {
  const env = { PATH: ['', '/nonexistent', directory].join(delimiter) };
  expect(tensorboardCommands('tensorboard', env)[0]).toMatch(/^python3 -m venv/u);
  install('pipx');
  expect(tensorboardCommands('tensorboard', env)).toEqual(['pipx run tensorboard --logdir tensorboard']);
  install('tensorboard');
  expect(tensorboardCommands('tensorboard', env)).toEqual(['tensorboard --logdir tensorboard']);
});

test('a path is quoted where a shell would take it apart', () => {
  install('tensorboard');
  const env = { PATH: directory };
  expect(tensorboardCommands("Ahab's logs", env)).toEqual([String.raw`tensorboard --logdir 'Ahab'\''s logs'`]);
});

test('without a PATH nothing counts as installed', () => {
  expect(tensorboardCommands('./tb', {})).toEqual([
    'python3 -m venv .cache/tensorboard && .cache/tensorboard/bin/pip install tensorboard',
    '.cache/tensorboard/bin/tensorboard --logdir ./tb',
  ]);
});
