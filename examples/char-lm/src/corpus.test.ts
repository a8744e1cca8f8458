import { expect, test } from 'vitest';
import { plainPunctuation, readMobyDick } from './corpus.ts';

test('the novel is whole, from its first sentence to its last', () => {
  const novel = readMobyDick();
  expect(novel).toMatch(/^Call me Ishmael\./u);
  expect(novel.trimEnd()).toMatch(/only found another orphan\.$/u);
  expect(novel.length).toBeGreaterThan(1_100_000);
  expect(novel).not.toMatch(/[‘’“”—]/u);
});

test('typographic quotes and dashes become ASCII', () => {
  expect(plainPunctuation('“Whale—ho!” cried Tashtego; ‘there’')).toBe('"Whale--ho!" cried Tashtego; \'there\'');
});
