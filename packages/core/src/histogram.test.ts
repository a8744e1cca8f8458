import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketise } from './histogram.ts';

it('counts values into equal buckets, the last one closed', () => {
  expect(bucketise([0, 0.9, 1, 2, 3.9, 4], 4)).toEqual({ edges: [0, 1, 2, 3, 4], counts: [2, 1, 1, 2], nonFinite: 0 });
});

it('has one bucket of no width for values that are all the same', () => {
  expect(bucketise(new Float32Array([2, 2, 2]), 30)).toEqual({ edges: [2, 2], counts: [3], nonFinite: 0 });
});

it.each([[[]], [[Number.NaN, Infinity, -Infinity]]])('has no bucket for %j', (values) => {
  expect(bucketise(values, 30)).toEqual({ edges: [], counts: [], nonFinite: values.length });
});

it('counts apart what is not finite', () => {
  expect(bucketise([Number.NaN, 0, 1, Infinity], 2)).toEqual({ edges: [0, 0.5, 1], counts: [1, 1], nonFinite: 2 });
});

it('counts all values where a bucket would be narrower than the least double', () => {
  const { edges, counts } = bucketise([0, 5e-324], 30);
  expect([edges[0], edges.at(-1)]).toEqual([0, 5e-324]);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2);
});

describe('any values', () => {
  const values = fc.array(fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE)));
  const buckets = fc.integer({ min: 1, max: 64 });

  it('are each counted once', () => {
    fc.assert(
      fc.property(values, buckets, (given, count) => {
        const { counts, nonFinite } = bucketise(given, count);
        expect(nonFinite).toBe(given.filter((value) => !Number.isFinite(value)).length);
        expect(counts.reduce((sum, each) => sum + each, 0) + nonFinite).toBe(given.length);
      }),
    );
  });

  it('have finite, ascending edges from the least to the greatest, one more than counts', () => {
    fc.assert(
      fc.property(values, buckets, (given, count) => {
        const { edges, counts } = bucketise(given, count);
        const finite = given.filter(Number.isFinite);
        fc.pre(finite.length > 0);
        expect(edges).toHaveLength(counts.length + 1);
        expect(edges.every(Number.isFinite)).toBe(true);
        expect(edges.every((edge, index) => edge >= (edges[index - 1] ?? edge))).toBe(true);
        // Which sign a zero has is nothing that a histogram tells.
        expect(edges.map((edge) => edge + 0).at(0)).toBe(finite.reduce((left, right) => Math.min(left, right)) + 0);
        expect(edges.map((edge) => edge + 0).at(-1)).toBe(finite.reduce((left, right) => Math.max(left, right)) + 0);
      }),
    );
  });
});
