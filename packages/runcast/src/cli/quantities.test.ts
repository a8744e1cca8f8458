import { expect, it } from 'vitest';
import { formatCount, formatDuration, formatRecords, formatTime } from './quantities.ts';

it('groups digits by thousands', () => {
  expect([0, 999, 12_345, 1_234_567.6].map((count) => formatCount(count))).toEqual(['0', '999', '12,345', '1,234,568']);
});

it('knows one record from many', () => {
  expect([0, 1, 2000].map((count) => formatRecords(count))).toEqual(['0 records', '1 record', '2,000 records']);
});

it.each([
  [-1, '0.0 s'],
  [0.44, '0.4 s'],
  [45.4, '45 s'],
  [125, '2 min 05 s'],
  [3 * 3600 + 7 * 60 + 59, '3 h 07 min'],
  [2 * 86_400 + 4 * 3600 + 3599, '2 d 4 h'],
])('says %d seconds as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it('gives times in UTC, to the second', () => {
  expect(formatTime(1_795_254_381.123)).toBe('2026-11-21 09:46:21');
});
