// A trainer whose worker dies by a sink in the middle of the run, as the arguments say, and that goes on training.
import { setTimeout as delay } from 'node:timers/promises';
import { createPublisher, jsonlSink, type SinkErrorEvent } from 'runcast';

const [, , by = 'exit', root = ''] = process.argv;
const mortal = {
  name: 'mortal',
  module: new URL('./mortal-sink.ts', import.meta.url).href,
  config: { dir: `${root}/mortal`, at: 50, by },
};
const publisher = await createPublisher({
  run: { id: 'run-1' },
  dir: `${root}/runs`,
  sinks: [jsonlSink({ dir: `${root}/jsonl` }), mortal],
});
const errors: SinkErrorEvent[] = [];
publisher.on('sinkError', (event) => errors.push(event));
for (let step = 1; step <= 300; step += 1) {
  publisher.logStep({ step, loss: 1 / step });
  if (step % 10 === 0) await delay(5);
}
await publisher.flush();
const { host, hostReason, sinks } = publisher.health();
const { complete } = await publisher.close();
console.log(
  JSON.stringify({ host, hostReason, states: Object.values(sinks).map(({ state }) => state), errors, complete }),
);
