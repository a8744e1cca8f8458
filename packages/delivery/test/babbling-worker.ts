/** A worker of another version: it opens as this one does, and then says what nobody knows. */

import { MessagePort, workerData } from 'node:worker_threads';

const start: unknown = workerData;
if (typeof start === 'object' && start !== null && 'port' in start && start.port instanceof MessagePort) {
  const { port } = start;
  port.postMessage({ type: 'opened', failures: [] });
  port.on('message', () => port.postMessage({ type: 'gossip' }));
}
