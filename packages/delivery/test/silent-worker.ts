/** A worker that opens, and answers a question only when the next one comes. */

import { MessagePort, workerData } from 'node:worker_threads';

const start: unknown = workerData;
if (typeof start === 'object' && start !== null && 'port' in start && start.port instanceof MessagePort) {
  const { port } = start;
  port.postMessage({ type: 'opened', failures: [] });
  let questions = 0;
  port.on('message', () => {
    if (questions > 0) {
      port.postMessage({ type: 'settled', id: questions - 1, settlements: [] });
      port.postMessage({ type: 'event', event: { type: 'recovered', sink: 'file', attempts: questions } });
    }
    questions += 1;
  });
}
