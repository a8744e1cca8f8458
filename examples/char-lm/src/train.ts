/**
 * The training loop, and all there is to logging one: hyperparameters once, a line per step, epoch and validation, the
 * result at the end. Where it goes is not this module's business.
 */

import { setImmediate } from 'node:timers/promises';
import type { MetricsLogger, ValidationMetrics } from 'runcast';
import type { Dataset } from './dataset.ts';
import { generateText } from './generate.ts';
import { CharacterModel } from './model.ts';
import { Adam, scheduledLearningRate } from './optimizer.ts';
import { createRandom } from './random.ts';
import type { Settings } from './settings.ts';

export interface TrainOptions {
  readonly dataset: Dataset;
  readonly settings: Settings;
  readonly publisher: MetricsLogger;
  /** Ends the training early: {@link train} rejects with its reason. */
  readonly signal: AbortSignal;
  /** Those who watch on the spot, such as a progress bar. */
  readonly observers: readonly TrainingObserver[];
}

export interface TrainingObserver {
  onStep(point: LossPoint): void;
  /** Called before the first step, as step 0, and after each epoch. */
  onValidation(point: LossPoint): void;
}

/** A loss in nats per character after so many steps. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

export interface TrainingResult {
  readonly untrained: Losses;
  readonly trained: Losses;
  readonly totalSteps: number;
  /** What the trained model writes. */
  readonly sample: string;
}

/** Losses in nats per character. */
interface Losses {
  /** Before training over part of the text, afterwards the last epoch's mean. */
  readonly training: number;
  readonly validation: number;
}

/** The longest group of characters with weights of its own. */
const LONGEST_GROUP = 5;
const PROMPT = 'Call me Ishmael. ';
const SAMPLE_LENGTH = 400;
const TEMPERATURE = 0.7;
const STEPS_PER_TURN = 16;

export async function train(options: TrainOptions): Promise<TrainingResult> {
  const { dataset, settings, publisher, signal, observers } = options;
  const random = createRandom(settings.seed);
  const model = new CharacterModel(
    {
      vocabularySize: dataset.vocabulary.size,
      contextLength: settings.context_length,
      longestGroup: LONGEST_GROUP,
      bucketBits: settings.bucket_bits,
      hiddenUnits: settings.hidden_units,
      maxBatchSize: settings.batch_size,
    },
    random,
  );
  const adam = new Adam(model.parameters);
  const totalSteps = settings.epochs * settings.steps_per_epoch;

  publisher.logHparams({
    model_family: 'character-mlp',
    model_size: `${(model.size / 1e6).toFixed(1)}M`,
    batch_size: settings.batch_size,
    learning_rate: settings.learning_rate,
    max_seq_len: settings.context_length,
    num_epochs: settings.epochs,
    extra: { seed: settings.seed, hidden_units: settings.hidden_units, max_grad_norm: settings.max_grad_norm },
  });

  const untrained = {
    training: meanLoss(model, dataset.training, settings.validation_positions),
    validation: meanLoss(model, dataset.validation, settings.validation_positions),
  };
  publisher.logValidation(validationMetrics(0, untrained.validation));
  for (const observer of observers) observer.onValidation({ step: 0, loss: untrained.validation });

  let step = 0;
  let trained = untrained;
  for (let epoch = 1; epoch <= settings.epochs; epoch += 1) {
    let sum = 0;
    for (let batch = 0; batch < settings.steps_per_epoch; batch += 1) {
      step += 1;
      let loss = 0;
      model.clearGradients();
      for (let i = 0; i < settings.batch_size; i += 1) {
        const position = randomPosition(model, dataset.training, random);
        loss += model.accumulate(dataset.training, position, 1 / settings.batch_size) / settings.batch_size;
      }
      const learningRate = scheduledLearningRate(settings.learning_rate, step, totalSteps);
      const gradNorm = adam.step(learningRate, settings.max_grad_norm);
      publisher.logStep({ step, loss, metrics: { learning_rate: learningRate, grad_norm: gradNorm } });
      sum += loss;
      for (const observer of observers) observer.onStep({ step, loss });
      if (step % STEPS_PER_TURN === 0) {
        // Ctrl-C is heard only between turns of the event loop. Logging does not need this: it never waits for one.
        await setImmediate();
        signal.throwIfAborted();
      }
    }
    trained = {
      training: sum / settings.steps_per_epoch,
      validation: meanLoss(model, dataset.validation, settings.validation_positions),
    };
    publisher.logEpoch({ epoch, loss: trained.training });
    publisher.logValidation(validationMetrics(epoch, trained.validation));
    publisher.logText('samples', asMarkdown(writeSample(model, dataset, settings)), { step });
    for (const { name, values } of model.smallParameters) publisher.logHistogram(`weights/${name}`, values, { step });
    for (const observer of observers) observer.onValidation({ step, loss: trained.validation });
  }

  publisher.logFinal({ loss: trained.validation, total_steps: step, metrics: { train_loss: trained.training } });
  return { untrained, trained, totalSteps: step, sample: writeSample(model, dataset, settings) };
}

/** Perplexity comes by itself; bits are what compression of text is measured in. */
function validationMetrics(epoch: number, loss: number): ValidationMetrics {
  return { epoch, loss, metrics: { bits_per_character: loss / Math.LN2 } };
}

/** The mean loss over about `count` positions, evenly spread over the text, the same ones every time. */
function meanLoss(model: CharacterModel, text: Uint8Array, count: number): number {
  const first = model.features.contextLength;
  const stride = Math.max(1, Math.floor((text.length - first) / count));
  let sum = 0;
  let positions = 0;
  for (let position = first; position < text.length; position += stride) {
    sum += model.loss(text, position);
    positions += 1;
  }
  return sum / positions;
}

function randomPosition(model: CharacterModel, text: Uint8Array, random: () => number): number {
  const first = model.features.contextLength;
  return first + Math.floor(random() * (text.length - first));
}

/** Always from the same seed, so that the samples differ by what was learnt only. */
function writeSample(model: CharacterModel, dataset: Dataset, settings: Settings): string {
  return generateText(model, dataset.vocabulary, {
    prompt: PROMPT,
    length: SAMPLE_LENGTH,
    temperature: TEMPERATURE,
    random: createRandom(settings.seed),
  });
}

/** A quotation, paragraph by paragraph. */
function asMarkdown(text: string): string {
  return text
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n');
}
