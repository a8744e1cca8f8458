// A trainer that never yields to its event loop: about 1000 steps a second for as many milliseconds as its argument says.
import { publisherFromEnv } from 'runcast';
import { writeSync } from 'node:fs';

const publisher = await publisherFromEnv();
const forMs = Number(process.argv[2]);
const begun = performance.now();
writeSync(1, 'training\n');
let step = 0;
while (performance.now() - begun < forMs) {
  step += 1;
  publisher.logStep({ step, loss: 1 / step });
  const until = begun + step;
  while (performance.now() < until);
}
writeSync(1, `${step}\n`);
await publisher.close();
