import { expect, test } from 'vitest';
import { characterAt, createDataset, Vocabulary } from './dataset.ts';

test('the end of the text is held out, and nothing of it is trained on', () => {
  const { vocabulary, training, validation } = createDataset(`${'abc'.repeat(30)}${'cab'.repeat(3)}z`, {
    validationShare: 0.1,
    leastCount: 1,
  });
  expect(vocabulary.decode(training)).toBe('abc'.repeat(30));
  expect(vocabulary.decode(validation)).toBe('cabcabcab\u{FFFD}');
});

test('the alphabet is what the training part holds often enough', () => {
  const vocabulary = new Vocabulary('aabbc', 2);
  expect(vocabulary.size).toBe(3);
  expect([...vocabulary.encode('abcd')]).toEqual([1, 2, 0, 0]);
  expect(vocabulary.decode([2, 1, 0, 99])).toBe('ba\u{FFFD}\u{FFFD}');
});

test('characters outside the basic plane count as one', () => {
  const vocabulary = new Vocabulary('🐋a🐋', 1);
  expect(vocabulary.size).toBe(3);
  expect(vocabulary.decode(vocabulary.encode('🐋a'))).toBe('🐋a');
});

test('more than 255 characters are refused', () => {
  const characters = Array.from({ length: 256 }, (_, index) => String.fromCodePoint(0x4e00 + index));
  expect(() => new Vocabulary(characters, 1)).toThrow(RangeError);
  expect(new Vocabulary(characters.slice(1), 1).size).toBe(256);
});

test('outside the text every character is unknown', () => {
  expect(characterAt(Uint8Array.of(3, 4), 1)).toBe(4);
  expect(characterAt(Uint8Array.of(3, 4), -1)).toBe(0);
});
