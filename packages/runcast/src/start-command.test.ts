import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { startCommand, type CommandProcess } from './start-command.ts';

interface FakeProcess {
  readonly process: CommandProcess;
  readonly written: string[];
  readonly exits: number[];
  /** Makes the output fail. */
  readonly fail: (code: string) => void;
  /** Signals that are listened for. */
  readonly signals: Map<string, () => void>;
}

function fakeProcess(argv: readonly string[], node = process.versions.node): FakeProcess {
  const written: string[] = [];
  const exits: number[] = [];
  const signals = new Map<string, () => void>();
  let listener: (error: Error & { readonly code?: string }) => void = () => undefined;
  return {
    written,
    exits,
    signals,
    fail: (code) => listener(Object.assign(new Error('gone'), { code })),
    process: {
      argv: ['node', 'runcast', ...argv],
      versions: { node },
      stdout: {
        write: (text, done) => {
          written.push(text);
          done?.();
        },
        on: (_event, added) => {
          listener = added;
        },
      },
      stderr: { write: (text) => written.push(text) },
      once: (event, added) => signals.set(event, added),
      exit: (code) => exits.push(code),
    },
  };
}

it.each([
  [['--version'], 0, `${manifest.version}\n`],
  [['frobnicate'], 2, 'runcast: unknown command "frobnicate"\nTry runcast --help\n'],
])('gives the arguments %j to the command and exits with its code, %d', async (argv, code, text) => {
  const { process, written, exits } = fakeProcess(argv);
  await startCommand(process, {});
  expect([written.join(''), exits]).toEqual([text, [code]]);
});

it('gives the command the environment', async () => {
  const { process, exits } = fakeProcess(['env']);
  await startCommand(process, { JSONL__ENABLED: 'perhaps' });
  expect(exits).toEqual([1]);
});

it.each(['20.20.2', '22.14.0'])('says that Node.js %s is too old', async (node) => {
  const { process, written, exits } = fakeProcess(['--version'], node);
  await startCommand(process, {});
  expect([written, exits]).toEqual([[`runcast needs Node.js 22.15 or later; this is ${node}\n`], [1]]);
});

it.each([
  ['EPIPE', 0],
  ['EIO', 1],
])('exits when its output is gone with %s, with %d', async (errno, code) => {
  const { process, exits, fail } = fakeProcess(['--version']);
  await startCommand(process, {});
  fail(errno);
  expect(exits).toEqual([0, code]);
});

it('lets a command that goes on end by itself when the process is told to stop, and listens for no other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-start-'));
  const { process, exits, signals } = fakeProcess(['tail']);
  const running = startCommand(process, { RUNCAST__DIR: dir });
  await vi.waitFor(() => expect([...signals.keys()]).toEqual(['SIGINT', 'SIGTERM']));
  expect(exits).toEqual([]);
  signals.get('SIGTERM')?.();
  await running;
  expect(exits).toEqual([0]);
  rmSync(dir, { recursive: true });
  const other = fakeProcess(['--version']);
  await startCommand(other.process, {});
  expect(other.signals.size).toBe(0);
});
