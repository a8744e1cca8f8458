/** Writing with the model: characters drawn one after another from what it predicts. */

import type { Vocabulary } from './dataset.ts';
import type { CharacterModel } from './model.ts';
import type { Random } from './random.ts';

export interface GenerateOptions {
  /** What to go on from. */
  readonly prompt: string;
  /** Characters to write. */
  readonly length: number;
  /** Below 1 the likely characters become likelier still. */
  readonly temperature: number;
  readonly random: Random;
}

/** The prompt and what the model makes of it. */
export function generateText(model: CharacterModel, vocabulary: Vocabulary, options: GenerateOptions): string {
  const { prompt, length, temperature, random } = options;
  const before = vocabulary.encode(prompt.padStart(model.features.contextLength));
  const text = new Uint8Array(before.length + length);
  text.set(before);
  for (let position = before.length; position < text.length; position += 1) {
    text[position] = draw(model.predict(text, position), temperature, random);
  }
  return prompt + vocabulary.decode(text.subarray(before.length));
}

/** Draws an index with the given probabilities, each first raised to the power 1 / temperature. Never draws 0, the unknown. */
function draw(probabilities: Float32Array, temperature: number, random: Random): number {
  // Relative to the greatest, a power cannot make all of them vanish.
  const greatest = Math.max(...probabilities.subarray(1));
  const weights = Array.from(probabilities, (probability, index) =>
    index === 0 ? 0 : (probability / greatest) ** (1 / temperature),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = random() * total;
  const found = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  // Rounding can leave a rest after the last weight.
  return found === -1 ? weights.length - 1 : found;
}
