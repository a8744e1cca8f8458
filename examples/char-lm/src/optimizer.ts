/**
 * Adam (Kingma and Ba, https://arxiv.org/abs/1412.6980) with gradient clipping and a learning-rate schedule. Rows a batch
 * did not touch keep their weights and moments, as in PyTorch's SparseAdam.
 */

import { at, dot } from './kernels.ts';
import type { Parameter } from './parameter.ts';

const FIRST_DECAY = 0.9;
/** Lower than the usual 0.999: a row that is seldom touched should not remember its first gradients for ever. */
const SECOND_DECAY = 0.99;
const EPSILON = 1e-8;

interface Moments {
  readonly parameter: Parameter;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export class Adam {
  readonly #moments: readonly Moments[];
  #steps = 0;

  constructor(parameters: readonly Parameter[]) {
    this.#moments = parameters.map((parameter) => ({
      parameter,
      first: new Float32Array(parameter.values.length),
      second: new Float32Array(parameter.values.length),
    }));
  }

  /**
   * Moves the touched rows against their gradients, which are scaled down together where their norm exceeds `maxNorm`.
   * Returns the norm before that.
   */
  step(learningRate: number, maxNorm: number): number {
    this.#steps += 1;
    const norm = gradientNorm(this.#moments.map(({ parameter }) => parameter));
    const scale = norm > maxNorm ? maxNorm / norm : 1;
    const firstCorrection = 1 - FIRST_DECAY ** this.#steps;
    const secondCorrection = 1 - SECOND_DECAY ** this.#steps;
    for (const { parameter, first, second } of this.#moments) {
      const { values, gradient, rowLength, touched } = parameter;
      for (const [slot, row] of touched.entries()) {
        for (let i = 0; i < rowLength; i += 1) {
          const index = row * rowLength + i;
          const slope = scale * at(gradient, slot * rowLength + i);
          const mean = FIRST_DECAY * at(first, index) + (1 - FIRST_DECAY) * slope;
          const square = SECOND_DECAY * at(second, index) + (1 - SECOND_DECAY) * slope * slope;
          first[index] = mean;
          second[index] = square;
          const change = mean / firstCorrection / (Math.sqrt(square / secondCorrection) + EPSILON);
          values[index] = at(values, index) - learningRate * change;
        }
      }
    }
    return norm;
  }
}

/** The Euclidean norm of all gradients together. */
export function gradientNorm(parameters: readonly Parameter[]): number {
  const squares = parameters.map(({ gradient, rowLength, touched }) =>
    dot(gradient, 0, gradient, 0, touched.length * rowLength),
  );
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
}

const WARM_UP_STEPS = 100;
/** Where the schedule ends, as a share of the peak. */
const FLOOR = 0.05;

/** A linear warm-up to `peak`, then half a cosine down to a twentieth of it at `totalSteps`. Steps count from 1. */
export function scheduledLearningRate(peak: number, step: number, totalSteps: number): number {
  const warmth = Math.min(1, step / WARM_UP_STEPS);
  const cosine = (1 + Math.cos((Math.PI * step) / totalSteps)) / 2;
  return peak * warmth * (FLOOR + (1 - FLOOR) * cosine);
}
