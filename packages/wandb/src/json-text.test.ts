import { expect, it } from 'vitest';
import { objectText } from './json-text.ts';

it('objects are JSON, with any number of keys', () => {
  expect(objectText([])).toBe('{}');
  const members = Array.from({ length: 10_001 }, (_, index) => [`"${index}"/größe`, `[${index}]`] as const);
  const parsed: unknown = JSON.parse(objectText(members));
  expect(parsed).toEqual(Object.fromEntries(members.map(([key], index) => [key, [index]])));
  expect(objectText(members.slice(0, 2))).toBe(String.raw`{"\"0\"/größe":[0],"\"1\"/größe":[1]}`);
});
