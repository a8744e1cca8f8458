/**
 * What every contender logs: four scalars a step with all the digits that real ones have, made beforehand so that making
 * them is not measured.
 */

export interface TrainingStep {
  readonly loss: number;
  readonly learning_rate: number;
  readonly grad_norm: number;
}

const DIFFERENT_STEPS = 4096;

const steps: readonly TrainingStep[] = Array.from({ length: DIFFERENT_STEPS }, (_, index) => ({
  loss: 1.5 + Math.exp(-index / 700) + Math.sin(index * 12.9898) / 20,
  learning_rate: 1.5e-4 * (1 + Math.cos((Math.PI * index) / DIFFERENT_STEPS)),
  grad_norm: 0.8 + Math.sin(index * 78.233) / 3,
}));

/** The metrics of a step from 0. */
export function trainingStep(step: number): TrainingStep {
  const found = steps[step % DIFFERENT_STEPS];
  if (found === undefined) throw new RangeError(`${step} is no step`);
  return found;
}
