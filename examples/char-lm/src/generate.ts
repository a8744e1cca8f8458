/** Writing with the model: characters drawn one after another from what it predicts. */

import type { Dataset } from './dataset.ts';
import type { CharacterModel } from './model.ts';
import type { Random } from './random.ts';

export interface GenerateOptions {
  readonly length: number;
  /** Below 1 the likely characters become likelier still. */
  readonly temperature: number;
  readonly random: Random;
}

/** Goes on from the start of the held-out text. Returns only what the model wrote. */
export function generateText(model: CharacterModel, dataset: Dataset, options: GenerateOptions): string {
  const start = model.features.contextLength;
  const text = new Uint8Array(start + options.length);
  text.set(dataset.validation.subarray(0, start));
  for (let position = start; position < text.length; position += 1) {
    text[position] = draw(model.predict(text, position), options.temperature, options.random);
  }
  return dataset.vocabulary.decode(text.subarray(start));
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
