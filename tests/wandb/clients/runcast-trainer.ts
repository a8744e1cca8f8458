// A trainer that is told by its environment where to log, and whether to be killed some seconds after its last row.
import { setTimeout as delay } from 'node:timers/promises';
import { publisherFromEnv } from 'runcast';

const ROWS = 200;

const publisher = await publisherFromEnv();
for (let loss = 0; loss < ROWS; loss += 1) publisher.log({ loss }, { step: loss });
const seconds = Number(process.env['DIE_AFTER_SECONDS'] ?? 0);
if (seconds > 0) {
  await delay(seconds * 1000);
  process.kill(process.pid, 'SIGKILL');
}
await publisher.close();
