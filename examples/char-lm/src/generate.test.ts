import { expect, test } from 'vitest';
import { createDataset } from './dataset.ts';
import { generateText } from './generate.ts';
import { CharacterModel } from './model.ts';
import { createRandom, type Random } from './random.ts';

const dataset = createDataset('ab '.repeat(100), { validationShare: 0.2, leastCount: 1 });
const model = new CharacterModel(
  {
    vocabularySize: dataset.vocabulary.size,
    contextLength: 4,
    longestGroup: 2,
    bucketBits: 4,
    hiddenUnits: 8,
    maxBatchSize: 1,
  },
  createRandom(5),
);

function write(length: number, temperature: number, random: Random): string {
  return generateText(model, dataset.vocabulary, { prompt: 'ab', length, temperature, random });
}

test('text goes on from the prompt for the length asked for, with known characters only', () => {
  expect(write(200, 1, createRandom(1))).toMatch(/^ab[ab ]{200}$/u);
});

test('the same randomness writes the same text', () => {
  expect(write(40, 1, createRandom(1))).toBe(write(40, 1, createRandom(1)));
  expect(write(40, 1, createRandom(1))).not.toBe(write(40, 1, createRandom(2)));
});

test('the draw holds at both ends of the random numbers', () => {
  expect(write(5, 1, () => 0)).toHaveLength(7);
  // A generator that returned 1 would leave nothing of the last weight: the last character is drawn.
  expect(write(5, 1, () => 1)).toBe('abbbbbb');
});

test('a low temperature takes the likeliest character', () => {
  expect(write(20, 0.001, createRandom(1))).toBe(write(20, 0.001, createRandom(2)));
});
