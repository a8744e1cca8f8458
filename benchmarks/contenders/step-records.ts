/** Step records as a run's log gives them to sinks, with their lines, in batches. */

import type { LoggedLines, StepRecord } from '@runcast/core';
import { trainingStep } from './training-steps.ts';

/** About twice as many as delivery hands over at once to a backend elsewhere. */
export const BATCH_RECORDS = 2_048;

export function stepRecord(step: number): StepRecord {
  const { loss, learning_rate, grad_norm } = trainingStep(step);
  return {
    v: 1,
    seq: step + 1,
    time: 1_790_000_000 + step / 1000,
    kind: 'step',
    n: step + 1,
    step,
    metrics: {
      'train/loss': loss,
      'train/perplexity': Math.exp(loss),
      'train/learning_rate': learning_rate,
      'train/grad_norm': grad_norm,
    },
  };
}

export interface StepBatch {
  readonly records: readonly StepRecord[];
  readonly logged: LoggedLines;
}

/** At least `count` records from the step `first` on, so many in a batch. */
export function stepBatches(first: number, count: number, size: number = BATCH_RECORDS): readonly StepBatch[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, batch) => stepBatch(first + batch * size, size));
}

/** The records from the step `first` on. */
export function stepBatch(first: number, size: number = BATCH_RECORDS): StepBatch {
  return loggedBatch(Array.from({ length: size }, (_, index) => stepRecord(first + index)));
}

/** The records with their lines. */
export function loggedBatch(records: readonly StepRecord[]): StepBatch {
  return { records, logged: { records, lines: records.map((record) => JSON.stringify(record)) } };
}
