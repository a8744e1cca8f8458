/** The worker thread's entry: deliveries away from the trainer's loop, so that a loop that never yields still shows live curves. */

import { MessagePort, workerData } from 'node:worker_threads';
import { systemScheduler } from './scheduler.ts';
import { announceEnd, serveDeliveries } from './worker-session.ts';

const start: unknown = workerData;
if (!isStart(start)) throw new TypeError('this module is started by Runcast as a worker');
const { task, port } = start;

// Whatever ends this thread, an exiting process must not wait for it in vain.
process.on('exit', () => {
  if (typeof task === 'object' && task !== null && 'exitState' in task && task.exitState instanceof SharedArrayBuffer)
    announceEnd(task.exitState);
});

// A rejection is an uncaught error of this thread, which its host hears of.
void serveDeliveries(port, task, systemScheduler);

function isStart(data: unknown): data is { readonly task: unknown; readonly port: MessagePort } {
  return (
    typeof data === 'object' && data !== null && 'task' in data && 'port' in data && data.port instanceof MessagePort
  );
}
