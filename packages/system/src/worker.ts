/** The entry of the collector's thread: away from the trainer's loop, so that a loop that never yields still has its curves. */

import { parentPort, workerData } from 'node:worker_threads';
import { announceEnd, serveCollector } from './collector-session.ts';
import { readCollectorTask } from './monitor-messages.ts';

if (parentPort === null) throw new TypeError('this module is started by Runcast as a worker');
const { state } = readCollectorTask(workerData);

// Whatever ends this thread, an exiting process must not wait for it in vain.
process.on('exit', () => announceEnd(state));

serveCollector(parentPort, workerData);
