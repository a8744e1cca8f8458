import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

test('doubles from half a second to half a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map((attempt) => backoffMs(attempt, 1))).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test('is spread over the upper half by chance', () => {
  expect(backoffMs(3, 0)).toBe(1000);
  expect(backoffMs(3, 0.5)).toBe(1500);
});

test('is never shorter than the backend asked', () => {
  expect(backoffMs(1, 0, 60_000)).toBe(60_000);
  expect(backoffMs(7, 1, 10)).toBe(30_000);
});
