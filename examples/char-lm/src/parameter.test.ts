import { expect, test } from 'vitest';
import { Parameter } from './parameter.ts';
import { createRandom } from './random.ts';

test('gradients take room for touched rows only, and are cleared with them', () => {
  const parameter = new Parameter('table', 100, 2, 3);
  expect(parameter.values).toHaveLength(200);
  expect(parameter.gradient).toHaveLength(6);
  expect(parameter.gradientOffset(40)).toBe(0);
  expect(parameter.gradientOffset(7)).toBe(2);
  expect(parameter.gradientOffset(40)).toBe(0);
  expect(parameter.touched).toEqual([40, 7]);
  parameter.gradient.fill(1);
  parameter.clearGradient();
  expect(parameter.touched).toEqual([]);
  expect([...parameter.gradient]).toEqual([0, 0, 0, 0, 1, 1]);
  expect(parameter.gradientOffset(7)).toBe(0);
});

test('randomising keeps within its limit and to its rows', () => {
  const parameter = new Parameter('table', 50, 4).randomise(createRandom(3), 0.5, 40);
  expect(Math.max(...parameter.values)).toBeGreaterThan(0.45);
  expect(Math.max(...parameter.values)).toBeLessThanOrEqual(0.5);
  expect(Math.min(...parameter.values)).toBeLessThan(-0.45);
  expect(parameter.values.subarray(160).every((value) => value === 0)).toBe(true);
});
