/** The collector's side of the conversation, apart from the thread it runs in, so that it can be tested in any. */

import type { MessagePort } from 'node:worker_threads';
import { runDirectory } from '@runcast/runlog';
import { readMachine } from './machine-reading.ts';
import { END, MONITOR_STATE, readCollectorTask, type FromCollector } from './monitor-messages.ts';
import { NvidiaSmi } from './nvidia-smi.ts';
import { SystemCollector } from './system-collector.ts';

/**
 * Collects until `port` says to end; it stays open. A publisher that has ended meanwhile finds no log. Throws where `task` is
 * none of this version's, or the log cannot be made.
 */
export function serveCollector(port: MessagePort, task: unknown): void {
  const { dir, runId, intervalMs, open, state } = readCollectorTask(task);
  const word = new Int32Array(state);
  const found = Atomics.compareExchange(word, 0, MONITOR_STATE.starting, MONITOR_STATE.collecting);
  if (found !== MONITOR_STATE.starting) return;
  const directory = runDirectory(dir, runId);
  const gpus = new NvidiaSmi();
  const collector = new SystemCollector({
    directory,
    open,
    intervalMs,
    readMachine: () => readMachine(directory.path),
    readGpus: (signal) => gpus.read(signal),
    onFailure: (error: FromCollector) => port.postMessage(error),
    nowMs: () => Date.now(),
    schedule: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  });
  port.on('message', (message: unknown) => {
    if (message !== END) return;
    collector.end();
    announceEnd(state);
  });
}

/** Wakes a publisher that waits for this collector. */
export function announceEnd(state: SharedArrayBuffer): void {
  const word = new Int32Array(state);
  Atomics.store(word, 0, MONITOR_STATE.ended);
  Atomics.notify(word, 0);
}
