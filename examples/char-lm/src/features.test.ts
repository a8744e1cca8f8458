import { expect, test } from 'vitest';
import { ContextFeatures } from './features.ts';

const features = new ContextFeatures({ vocabularySize: 10, contextLength: 3, longestGroup: 3, bucketBits: 6 });

function rowsBefore(text: readonly number[]): readonly number[] {
  const rows = new Int32Array(features.count);
  features.write(Uint8Array.from(text), text.length, rows);
  return [...rows];
}

test('each place has a row for each character, each group length its own buckets', () => {
  expect(features.contextLength).toBe(3);
  expect(features.count).toBe(5);
  expect(features.rows).toBe(3 * 10 + 2 * 64);
  const [last, secondLast, thirdLast, pair = 0, triple = 0] = rowsBefore([4, 5, 6]);
  expect([last, secondLast, thirdLast]).toEqual([6, 10 + 5, 20 + 4]);
  expect(Math.floor((pair - 30) / 64)).toBe(0);
  expect(Math.floor((triple - 30) / 64)).toBe(1);
});

test('a group depends on its own characters only', () => {
  const [, , , pair, triple] = rowsBefore([4, 5, 6]);
  const [, , , samePair, otherTriple] = rowsBefore([7, 5, 6]);
  expect(samePair).toBe(pair);
  expect(otherTriple).not.toBe(triple);
});

test('pairs spread over the buckets', () => {
  const buckets = new Set<number>();
  for (let first = 0; first < 10; first += 1) {
    for (let second = 0; second < 10; second += 1) buckets.add(rowsBefore([0, first, second])[3] ?? -1);
  }
  // 100 pairs thrown at random into 64 buckets hit 50.7 of them on average.
  expect(buckets.size).toBeGreaterThan(40);
});
