import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { runDirectory, type RunDirectory } from '@runcast/runlog';
import { expect, it, onTestFinished, vi } from 'vitest';
import { memberOpen } from '../test/member-open.ts';
import { serveCollector } from './collector-session.ts';
import { END, MONITOR_STATE, readFromCollector, type CollectorTask } from './monitor-messages.ts';

function session(): {
  readonly task: CollectorTask;
  readonly directory: RunDirectory;
  readonly word: Int32Array;
  readonly ports: { readonly port1: MessagePort; readonly port2: MessagePort };
} {
  const dir = mkdtempSync(join(tmpdir(), 'runcast-session-'));
  const directory = runDirectory(dir, 'run-1');
  mkdirSync(directory.logDirectory, { recursive: true });
  const ports = new MessageChannel();
  onTestFinished(() => {
    ports.port1.close();
    rmSync(dir, { recursive: true });
  });
  const state = new SharedArrayBuffer(4);
  const open = memberOpen();
  return { task: { dir, runId: 'run-1', intervalMs: 20, open, state }, directory, word: new Int32Array(state), ports };
}

it('collects until it is told to end', async () => {
  const { task, directory, word, ports } = session();
  serveCollector(ports.port2, task);
  expect(word[0]).toBe(MONITOR_STATE.collecting);
  const log = join(directory.logDirectory, 'system.jsonl');
  await vi.waitFor(() => expect(readFileSync(log, 'utf8')).toMatch(/"kind":"system".*\n.*"kind":"system"/u));
  ports.port1.postMessage('something else');
  ports.port1.postMessage(END);
  await vi.waitFor(() => expect(word[0]).toBe(MONITOR_STATE.ended));
  expect(readFileSync(log, 'utf8')).toMatch(/"kind":"close".*\n$/u);
});

it('makes no log where its publisher has ended before', () => {
  const { task, directory, word, ports } = session();
  word[0] = MONITOR_STATE.ended;
  serveCollector(ports.port2, task);
  expect(readdirSync(directory.logDirectory)).toEqual([]);
});

it('refuses what is no task of its version', () => {
  const { task, ports } = session();
  expect(() => serveCollector(ports.port2, { ...task, open: undefined })).toThrow('open');
  expect(() => readFromCollector('what')).toThrow('expected object');
});
