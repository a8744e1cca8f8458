/** The evaluation process: final scalars go to the summary, never to a chart of one point; comparisons to a table. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withPublisher } from 'runcast';
import { drawSamples, meanSquaredError, parseOperator, TRUE_OPERATOR } from './operator.ts';

const [output = '.'] = process.argv.slice(2);

await withPublisher({}, (publisher) => {
  const learnt = parseOperator(readFileSync(join(output, 'operator.json'), 'utf8'));
  const heldOut = drawSamples(500, 0, 2);
  const error = meanSquaredError(learnt, heldOut);
  publisher.updateConfig({ eval_samples: heldOut.length });
  publisher.logSummary({ mse: error }, { prefix: 'eval/operator' });
  publisher.logTable('eval/entries', {
    columns: ['entry', 'true', 'learnt'],
    rows: TRUE_OPERATOR.map((entry, index) => [index, entry, learnt[index] ?? Number.NaN]),
  });
  console.log(`held-out error: ${error.toExponential(2)}`);
});
