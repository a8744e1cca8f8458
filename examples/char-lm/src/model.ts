/**
 * The language model: a feed-forward network that predicts the next character. The weight rows of the context's features
 * are added up to one hidden layer, cut off below zero (ReLU), and turned into a probability for each character. Small
 * enough to learn in half a minute on one core, and the sums make it cheap: most of the weights are idle at any position.
 */

import { characterAt } from './dataset.ts';
import { ContextFeatures, type FeatureOptions } from './features.ts';
import { addScaled, at, dot, softmax } from './kernels.ts';
import { Parameter } from './parameter.ts';
import type { Random } from './random.ts';

export interface ModelOptions extends FeatureOptions {
  readonly hiddenUnits: number;
  /** The most positions between two calls of {@link CharacterModel.clearGradients}. */
  readonly maxBatchSize: number;
}

export class CharacterModel {
  readonly features: ContextFeatures;
  readonly parameters: readonly Parameter[];
  /** All but the feature table, which is a thousand times larger. */
  readonly smallParameters: readonly Parameter[];
  readonly #table: Parameter;
  readonly #hiddenBias: Parameter;
  readonly #output: Parameter;
  readonly #outputBias: Parameter;
  readonly #rows: Int32Array;
  readonly #hidden: Float32Array;
  readonly #hiddenGradient: Float32Array;
  readonly #probabilities: Float32Array;

  constructor(options: ModelOptions, random: Random) {
    const { hiddenUnits, maxBatchSize, vocabularySize } = options;
    const features = new ContextFeatures(options);
    this.features = features;
    // Groups start at zero: a rare one then says nothing until it has been seen.
    this.#table = new Parameter('features', features.rows, hiddenUnits, maxBatchSize * features.count).randomise(
      random,
      Math.sqrt(3 / features.count),
      features.characterRows,
    );
    this.#hiddenBias = new Parameter('hidden_bias', 1, hiddenUnits);
    this.#output = new Parameter('output', hiddenUnits, vocabularySize).randomise(
      random,
      0.5 * Math.sqrt(3 / hiddenUnits),
    );
    this.#outputBias = new Parameter('output_bias', 1, vocabularySize);
    this.smallParameters = [this.#hiddenBias, this.#output, this.#outputBias];
    this.parameters = [this.#table, ...this.smallParameters];
    this.#rows = new Int32Array(features.count);
    this.#hidden = new Float32Array(hiddenUnits);
    this.#hiddenGradient = new Float32Array(hiddenUnits);
    this.#probabilities = new Float32Array(vocabularySize);
  }

  /** How many weights there are. */
  get size(): number {
    return this.parameters.reduce((sum, parameter) => sum + parameter.values.length, 0);
  }

  /** The probability of each character at `position`. The array is reused by the next call. */
  predict(text: Uint8Array, position: number): Float32Array {
    const rows = this.#rows;
    const hidden = this.#hidden;
    const probabilities = this.#probabilities;
    this.features.write(text, position, rows);
    hidden.set(this.#hiddenBias.values);
    for (const row of rows) addScaled(hidden, 0, this.#table.values, row * hidden.length, hidden.length, 1);
    probabilities.set(this.#outputBias.values);
    for (let unit = 0; unit < hidden.length; unit += 1) {
      const activation = Math.max(0, at(hidden, unit));
      hidden[unit] = activation;
      if (activation === 0) continue;
      addScaled(probabilities, 0, this.#output.values, unit * probabilities.length, probabilities.length, activation);
    }
    softmax(probabilities);
    return probabilities;
  }

  /** The negative log-likelihood of the character at `position`, in nats. */
  loss(text: Uint8Array, position: number): number {
    return -Math.log(at(this.predict(text, position), characterAt(text, position)));
  }

  /** Adds `weight` times the gradient of {@link loss} at `position` to the parameters' gradients. Returns the loss. */
  accumulate(text: Uint8Array, position: number, weight: number): number {
    const loss = this.loss(text, position);
    const logitGradient = this.#probabilities;
    const hidden = this.#hidden;
    const hiddenGradient = this.#hiddenGradient;
    const target = characterAt(text, position);
    // The gradient of softmax and cross-entropy together: the probabilities, less one for what came.
    logitGradient[target] = at(logitGradient, target) - 1;
    addScaled(
      this.#outputBias.gradient,
      this.#outputBias.gradientOffset(0),
      logitGradient,
      0,
      logitGradient.length,
      weight,
    );
    for (let unit = 0; unit < hidden.length; unit += 1) {
      const activation = at(hidden, unit);
      if (activation === 0) {
        hiddenGradient[unit] = 0;
        continue;
      }
      addScaled(
        this.#output.gradient,
        this.#output.gradientOffset(unit),
        logitGradient,
        0,
        logitGradient.length,
        weight * activation,
      );
      hiddenGradient[unit] = dot(
        this.#output.values,
        unit * logitGradient.length,
        logitGradient,
        0,
        logitGradient.length,
      );
    }
    addScaled(this.#hiddenBias.gradient, this.#hiddenBias.gradientOffset(0), hiddenGradient, 0, hidden.length, weight);
    for (const row of this.#rows) {
      addScaled(this.#table.gradient, this.#table.gradientOffset(row), hiddenGradient, 0, hidden.length, weight);
    }
    return loss;
  }

  clearGradients(): void {
    for (const parameter of this.parameters) parameter.clearGradient();
  }
}
