/** The training process: a series on an axis of its own, and the weights for the next stage. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { withPublisher } from 'runcast';
import { descend, drawSamples, meanSquaredError, type Operator } from './operator.ts';

const [output = '.'] = process.argv.slice(2);
const LEARNING_RATE = 0.02;

await withPublisher({}, async (publisher) => {
  publisher.defineMetric('training/operator/*', { step: 'training/operator/step', summary: 'min' });
  const samples = drawSamples(2000, 0.05, 1);
  let operator: Operator = [0, 0, 0, 0];
  for (const [step, sample] of samples.entries()) {
    operator = descend(operator, sample, LEARNING_RATE);
    const loss = meanSquaredError(operator, samples.slice(0, 100));
    publisher.log('training/operator', { loss, learning_rate: LEARNING_RATE }, { step });
    if (step % 10 === 0) await nextTurn();
  }
  writeFileSync(join(output, 'operator.json'), JSON.stringify(operator));
  publisher.saveFile(join(output, 'operator.json'), { base: output });
  console.log(`trained: [${operator.map((entry) => entry.toFixed(3)).join(', ')}]`);
});
