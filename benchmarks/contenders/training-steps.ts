/**
 * What every contender logs: four scalars a step with all the digits that real ones have. Most of the making is done
 * beforehand, so that it is not measured; and no value comes twice, since engines remember numbers they have written.
 */

export interface TrainingStep {
  readonly loss: number;
  readonly learning_rate: number;
  readonly grad_norm: number;
}

const BASE_STEPS = 4096;

const bases: readonly TrainingStep[] = Array.from({ length: BASE_STEPS }, (_, index) => ({
  loss: 1.5 + Math.exp(-index / 700) + Math.sin(index * 12.9898) / 20,
  learning_rate: 1.5e-4 * (1 + Math.cos((Math.PI * index) / BASE_STEPS)),
  grad_norm: 0.8 + Math.sin(index * 78.233) / 3,
}));

/** The metrics of a step from 0. */
export function trainingStep(step: number): TrainingStep {
  const base = bases[step % BASE_STEPS];
  if (base === undefined) throw new RangeError(`${step} is no step`);
  const change = 1 + step * 1e-12;
  return {
    loss: base.loss * change,
    learning_rate: base.learning_rate * change,
    grad_norm: base.grad_norm * change,
  };
}
