/** A trainer as any: it does not know where its steps go. Its environment says so, and that a run may be taken up again. */

import { setTimeout as delay } from 'node:timers/promises';
import { withPublisher } from 'runcast';

const [first = '1', last = '300'] = process.argv.slice(2);

await withPublisher({ run: { project: 'many-machines' } }, async (publisher) => {
  for (let step = Number(first); step <= Number(last); step += 1) {
    publisher.logStep({ step, loss: 4 * Math.exp(-step / 100), metrics: { learning_rate: 1e-3 } });
    await delay(5);
  }
  publisher.logFinal({ loss: 4 * Math.exp(-Number(last) / 100), total_steps: Number(last) });
});
