/** The worker's side of the conversation, apart from the thread it runs in, so that it can be tested in any. */

import type { MessagePort } from 'node:worker_threads';
import { errorInfo } from '@runcast/core';
import { runDirectory } from '@runcast/runlog';
import { DeliveryEngine } from './delivery-engine.ts';
import { loadSinks } from './load-sink.ts';
import { EXIT_STATE, readToWorker, readWorkerTask, type FromWorker, type ToWorker } from './messages.ts';
import type { Scheduler } from './scheduler.ts';

const HEALTH_INTERVAL_MS = 250;

/** Opens the sinks of `task` and serves `port`, which stays open. Rejects where the task is none of this version's. */
export async function serveDeliveries(port: MessagePort, task: unknown, scheduler: Scheduler): Promise<void> {
  const { dir, runId, sinks: specs, exitState } = readWorkerTask(task);
  const send = (message: FromWorker): void => port.postMessage(message);
  const { sinks, failures } = await loadSinks(specs);
  const engine = new DeliveryEngine({
    directory: runDirectory(dir, runId),
    sinks,
    scheduler,
    onEvent: (event) => send({ type: 'event', event }),
  });
  const allFailures = [...failures, ...(await engine.open())];
  send({ type: 'opened', failures: allFailures.map(({ sink, error }) => ({ sink, error: errorInfo(error) })) });
  if (allFailures.length > 0) {
    await engine.close({ status: 'unknown', final: false }, 0);
    port.close();
    return;
  }
  engine.start();

  let lastHealth = '';
  const sendHealth = (): void => {
    const sinksHealth = engine.health();
    const text = JSON.stringify(sinksHealth);
    if (text !== lastHealth) send({ type: 'health', sinks: sinksHealth });
    lastHealth = text;
  };
  let cancelHealth: () => void;
  const scheduleHealth = (): void => {
    cancelHealth = scheduler.schedule(() => {
      sendHealth();
      scheduleHealth();
    }, HEALTH_INTERVAL_MS);
  };
  scheduleHealth();

  const serve = async (message: ToWorker): Promise<void> => {
    switch (message.type) {
      case 'flush': {
        const settlements = await engine.flush(message.timeoutMs);
        sendHealth();
        send({ type: 'settled', id: message.id, settlements });
        return;
      }
      case 'close': {
        const settlements = await engine.close(message.outcome, message.timeoutMs);
        cancelHealth();
        sendHealth();
        // The host ends this thread when it has the answer; a thread that ended by itself could be taken for a dead one.
        send({ type: 'settled', id: message.id, settlements });
        // A process that exits right now has nothing more to wait for.
        announceEnd(exitState);
        return;
      }
      case 'end':
        engine.endNow(message.outcome);
        announceEnd(exitState);
        return;
    }
  };
  port.on('message', (message: unknown) => void serve(readToWorker(message)));
}

/** Wakes a process that waits for this worker while it exits. */
export function announceEnd(exitState: SharedArrayBuffer): void {
  const word = new Int32Array(exitState);
  Atomics.store(word, 0, EXIT_STATE.ended);
  Atomics.notify(word, 0);
}
