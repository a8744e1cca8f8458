import { describe, expect, test } from 'vitest';
import { Adam, gradientNorm, scheduledLearningRate } from './optimizer.ts';
import { Parameter } from './parameter.ts';

function withGradient(rows: number, row: number, gradient: readonly number[]): Parameter {
  const parameter = new Parameter('table', rows, gradient.length);
  setGradient(parameter, row, gradient);
  return parameter;
}

function setGradient(parameter: Parameter, row: number, gradient: readonly number[]): void {
  parameter.clearGradient();
  parameter.gradient.set(gradient, parameter.gradientOffset(row));
}

describe('Adam', () => {
  test('first moves each weight by the learning rate, against its gradient', () => {
    const parameter = withGradient(3, 1, [0.5, -0.001]);
    new Adam([parameter]).step(0.01, Infinity);
    const [above, alsoAbove, down, up, below, alsoBelow] = parameter.values;
    expect([above, alsoAbove, below, alsoBelow]).toEqual([0, 0, 0, 0]);
    expect(down).toBeCloseTo(-0.01, 6);
    expect(up).toBeCloseTo(0.01, 6);
  });

  test('finds the minimum of a parabola', () => {
    const parameter = new Parameter('x', 1, 1);
    const adam = new Adam([parameter]);
    for (let step = 1; step <= 500; step += 1) {
      setGradient(parameter, 0, [2 * ((parameter.values[0] ?? 0) - 3)]);
      adam.step(scheduledLearningRate(0.1, step, 500), Infinity);
    }
    expect(parameter.values[0]).toBeCloseTo(3, 2);
  });

  test('returns the norm of all gradients, as it was before clipping', () => {
    const parameters = [withGradient(1, 0, [3, 0]), withGradient(9, 4, [0, 4])];
    expect(gradientNorm(parameters)).toBe(5);
    expect(new Adam(parameters).step(0.01, 1)).toBe(5);
  });

  test('clips a gradient that is too long, keeping its direction', () => {
    const clipped = withGradient(1, 0, [300, 400]);
    const short = withGradient(1, 0, [0.6, 0.8]);
    const clipping = new Adam([clipped]);
    const plain = new Adam([short]);
    clipping.step(0.01, 1);
    plain.step(0.01, Infinity);
    setGradient(clipped, 0, [0.1, 0.1]);
    setGradient(short, 0, [0.1, 0.1]);
    clipping.step(0.01, 1);
    plain.step(0.01, Infinity);
    // The second step shows what the moments remember of the first.
    expect(clipped.values[0]).toBeCloseTo(short.values[0] ?? NaN, 6);
    expect(clipped.values[1]).toBeCloseTo(short.values[1] ?? NaN, 6);
  });
});

test('the learning rate warms up, peaks and ends at a twentieth', () => {
  const rates = Array.from({ length: 1000 }, (_, index) => scheduledLearningRate(1, index + 1, 1000));
  expect(rates[0]).toBeCloseTo(0.01, 5);
  expect(rates.indexOf(Math.max(...rates)) + 1).toBe(100);
  expect(rates.at(-1)).toBeCloseTo(0.05, 5);
  expect(rates.slice(100)).toEqual(rates.slice(100).toSorted((left, right) => right - left));
});
