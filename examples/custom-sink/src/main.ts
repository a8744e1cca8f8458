/** Logs a short made-up training to a sink of one's own, beside the run log that every run has. */

import { createPublisher } from 'runcast';
import { csvSink } from './csv-sink.ts';

const publisher = await createPublisher({
  run: { project: 'custom-sink' },
  dir: './runs',
  sinks: [csvSink('./runs/csv')],
});

for (let step = 1; step <= 100; step += 1) {
  publisher.logStep({ step, loss: 4 / Math.sqrt(step), metrics: { learning_rate: 0.01 / step } });
}
publisher.logValidation({ epoch: 1, loss: 0.5 });

const { complete, health } = await publisher.close();
console.log(`runs/csv/${publisher.run.id}.csv has ${health.sinks['csv']?.delivered} records; complete: ${complete}`);
