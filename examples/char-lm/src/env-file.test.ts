import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadEnvironment } from './env-file.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'char-lm-env-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('without a file the environment stays as it is', () => {
  expect(loadEnvironment(directory, { A: '1' })).toEqual({ env: { A: '1' }, file: undefined });
});

test('.env is preferred to .env.example', () => {
  writeFileSync(join(directory, '.env.example'), 'A=example\nB=example # why\n');
  expect(loadEnvironment(directory, {})).toEqual({ env: { A: 'example', B: 'example' }, file: '.env.example' });
  writeFileSync(join(directory, '.env'), 'A=own\n');
  expect(loadEnvironment(directory, {})).toEqual({ env: { A: 'own' }, file: '.env' });
});

test('the real environment wins, also where it is blank', () => {
  writeFileSync(join(directory, '.env'), 'A=file\nB=file\n');
  expect(loadEnvironment(directory, { A: 'real', B: '' }).env).toEqual({ A: 'real', B: '' });
});
