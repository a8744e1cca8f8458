/** What the pipeline learns: the matrix of a linear map of the plane, from noisy samples of what it does to points. */

import { z } from 'zod';

/** Row by row: `[[a, b], [c, d]]` as `[a, b, c, d]`. */
export type Operator = readonly [number, number, number, number];

export interface Sample {
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
}

/** A rotation by 30 degrees that shrinks a little: what the samples are made with. */
export const TRUE_OPERATOR: Operator = [0.82, -0.47, 0.47, 0.82];

const operatorSchema = z.tuple([z.number(), z.number(), z.number(), z.number()]);

/** Throws a SyntaxError or ZodError for what is no operator. */
export function parseOperator(text: string): Operator {
  return operatorSchema.parse(JSON.parse(text));
}

function apply([a, b, c, d]: Operator, [x, y]: readonly [number, number]): readonly [number, number] {
  return [a * x + b * y, c * x + d * y];
}

/** `count` samples with noise of about `noise`; the same for the same seed. */
export function drawSamples(count: number, noise: number, seed: number): readonly Sample[] {
  const random = mulberry32(seed);
  const centred = (): number => 2 * random() - 1;
  return Array.from({ length: count }, () => {
    const input = [centred(), centred()] as const;
    const [x, y] = apply(TRUE_OPERATOR, input);
    return { input, output: [x + noise * centred(), y + noise * centred()] };
  });
}

/** Mean squared error over the samples. */
export function meanSquaredError(operator: Operator, samples: readonly Sample[]): number {
  const total = samples.reduce((sum, { input, output }) => {
    const [x, y] = apply(operator, input);
    return sum + (x - output[0]) ** 2 + (y - output[1]) ** 2;
  }, 0);
  return total / samples.length;
}

/** One step of gradient descent on one sample. */
export function descend(operator: Operator, { input: [x, y], output }: Sample, learningRate: number): Operator {
  const [px, py] = apply(operator, [x, y]);
  const ex = 2 * learningRate * (px - output[0]);
  const ey = 2 * learningRate * (py - output[1]);
  const [a, b, c, d] = operator;
  return [a - ex * x, b - ex * y, c - ey * x, d - ey * y];
}

/** The mulberry32 generator: uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
