/** The observer of beside-failing-sinks: what each call took the trainer, and from each call until its row was in the file. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { observeTrainer } from './observed-trainer.ts';
import { RUN_ID } from './open-runcast.ts';
import { answer, readWorkload } from './workload.ts';

const { directory, count, args } = readWorkload();
const rows = path.join(directory, 'jsonl', `${RUN_ID}.jsonl`);
const { output, file, arrivalMs } = await observeTrainer(
  'runcast-beside-trainer.js',
  [directory, String(count), ...args],
  () => (existsSync(rows) ? rows : undefined),
);
const calls = z
  .array(z.tuple([z.number(), z.number()]))
  .length(count)
  .parse(JSON.parse(output));
const rowSchema = z.object({ kind: z.string(), step: z.number().optional() });
const lags: number[] = [];
let end = 0;
for (const line of file.toString('utf8').split('\n').slice(0, -1)) {
  end += Buffer.byteLength(line) + 1;
  const { kind, step } = rowSchema.parse(JSON.parse(line));
  if (kind === 'step' && step !== undefined) lags.push(arrivalMs(end) - (calls[step]?.[0] ?? Number.NaN));
}
if (lags.length !== count) throw new Error(`${lags.length} of ${count} steps are in the rows`);
const took = calls.map(([, tookMs]) => tookMs * 1000);
answer({
  p50: quantile(took, 0.5),
  p99: quantile(took, 0.99),
  'lag p50': quantile(lags, 0.5),
  'lag p99': quantile(lags, 0.99),
  'lag max': quantile(lags, 1),
});

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((left, right) => left - right)[Math.ceil(share * values.length) - 1] ?? Number.NaN;
}
