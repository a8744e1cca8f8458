import * as fc from 'fast-check';
import { median } from 'simple-statistics';
import { expect, it } from 'vitest';
import { rollingMedian } from './rolling-median.ts';

it('takes as many neighbours on either side, or all there are', () => {
  expect(rollingMedian([9, 1, 2, 3, 0], 3, 'symmetric')).toEqual([9, 2, 2, 2, 0]);
  expect(rollingMedian([9, 1, 2, 3, 0], 3, 'one-sided')).toEqual([5, 2, 2, 2, 1.5]);
  expect(rollingMedian([], 3, 'one-sided')).toEqual([]);
});

it('is the median of each window', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -20, max: 20 })), fc.integer({ min: 0, max: 12 }), (values, half) => {
      const medians = values.map((_, index) => median(values.slice(Math.max(0, index - half), index + half + 1)));
      expect(rollingMedian(values, 2 * half + 1, 'one-sided')).toEqual(medians);
    }),
  );
});
