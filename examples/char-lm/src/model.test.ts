import { describe, expect, test } from 'vitest';
import { CharacterModel } from './model.ts';
import { createRandom } from './random.ts';

const options = {
  vocabularySize: 6,
  contextLength: 3,
  longestGroup: 3,
  bucketBits: 4,
  hiddenUnits: 8,
  maxBatchSize: 4,
};
const text = Uint8Array.from([1, 2, 3, 4, 5, 0, 2, 4, 1, 3, 5, 2, 2, 1]);
const batch = [3, 6, 9, 13];

function createModel(): CharacterModel {
  const model = new CharacterModel(options, createRandom(11));
  // Biases and groups start at zero; the gradients are checked where nothing is. With this seed no hidden unit is so near
  // zero that a finite difference would reach across the kink of the ReLU, where there is no gradient to agree with.
  for (const parameter of model.parameters) parameter.randomise(createRandom(14), 0.4);
  return model;
}

function batchLoss(model: CharacterModel): number {
  return batch.reduce((sum, position) => sum + model.loss(text, position), 0) / batch.length;
}

describe('gradients', () => {
  test('agree with finite differences, for every weight', () => {
    const model = createModel();
    const loss = batch.reduce((sum, position) => sum + model.accumulate(text, position, 1 / batch.length), 0);
    expect(loss / batch.length).toBeCloseTo(batchLoss(model), 6);

    const distance = 2 ** -8;
    let largest = 0;
    for (const parameter of model.parameters) {
      for (const [index, value] of parameter.values.entries()) {
        parameter.values[index] = value + distance;
        const above = batchLoss(model);
        parameter.values[index] = value - distance;
        const below = batchLoss(model);
        parameter.values[index] = value;
        const numeric = (above - below) / (2 * distance);
        const row = Math.floor(index / parameter.rowLength);
        const analytic = parameter.touched.includes(row)
          ? (parameter.gradient[parameter.gradientOffset(row) + (index % parameter.rowLength)] ?? 0)
          : 0;
        expect(Math.abs(analytic - numeric), `${parameter.name}[${index}]`).toBeLessThan(5e-5);
        largest = Math.max(largest, Math.abs(numeric));
      }
    }
    expect(largest).toBeGreaterThan(0.05);
  });

  test('are gone when cleared', () => {
    const model = createModel();
    model.accumulate(text, 3, 1);
    model.clearGradients();
    for (const { touched, gradient } of model.parameters) {
      expect(touched).toEqual([]);
      expect(gradient.every((value) => value === 0)).toBe(true);
    }
  });
});

test('probabilities add up to one', () => {
  const probabilities = createModel().predict(text, 5);
  expect(probabilities).toHaveLength(6);
  expect(probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 5);
});

test('an untrained model is about as uncertain as can be', () => {
  const model = new CharacterModel({ ...options, vocabularySize: 70, hiddenUnits: 64 }, createRandom(1));
  const positions = Array.from({ length: 11 }, (_, index) => index + 3);
  const mean = positions.reduce((sum, position) => sum + model.loss(text, position), 0) / positions.length;
  expect(Math.abs(mean - Math.log(70))).toBeLessThan(0.5);
  expect(model.size).toBe((3 * 70 + 2 * 16) * 64 + 64 + 64 * 70 + 70);
});
