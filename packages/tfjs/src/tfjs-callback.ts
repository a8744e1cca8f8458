/**
 * What `fit` and `fitDataset` of TensorFlow.js tell their callbacks, as records. The package is described by its shape only,
 * so that any of its builds will do, @tensorflow/tfjs as well as tfjs-node, and none is loaded here.
 */

import type { MetricsLogger } from '@runcast/core';

/** The calls of a publisher that the callback makes. */
export type TfjsPublisher = Pick<MetricsLogger, 'logStep' | 'logEpoch' | 'logValidation' | 'logHistogram'>;

/** What TensorFlow.js reports of a batch or an epoch. */
export type TfjsLogs = Readonly<Record<string, number>>;

/** A `tf.LayersModel`. */
export interface TfjsModel {
  /** There once the model is compiled. */
  readonly optimizer?: object;
  readonly weights: readonly TfjsWeight[];
}

/** A `LayerVariable`. */
interface TfjsWeight {
  /** Unique in the process: with a number at its end where another model has had the name. */
  readonly name: string;
  /** `<layer>/<weight>`. */
  readonly originalName: string;
  read(): { data(): Promise<unknown> };
}

export interface TfjsCallbackOptions {
  /** The model that is trained. Without it the learning rate is not recorded, and no weights can be. */
  readonly model?: TfjsModel;
  /** Records the weights as `weights/<name>`: after each epoch, or after each so many; false where left out. */
  readonly histograms?: boolean | number;
  /** How many batches were trained on before, where training goes on; 0 where left out. */
  readonly initialStep?: number;
}

/** For `callbacks` of `fit` and `fitDataset`: a `tf.CustomCallbackArgs`. */
export interface TfjsCallback {
  onBatchEnd(batch: number, logs?: TfjsLogs): void;
  onEpochEnd(epoch: number, logs?: TfjsLogs): Promise<void>;
}

/** What is in a batch's logs beside its metrics. */
const NO_METRICS = new Set(['batch', 'size']);
const VALIDATION = 'val_';

/**
 * Makes the callback of one training.
 *
 * - Each batch is a step, counted from `initialStep` + 1 over all epochs: `train/loss`, the model's metrics under their names,
 *   and `train/learning_rate` as it is then.
 * - Each epoch is `epoch/…`, from 0 as TensorFlow.js counts, and `val/…` where there is validation data.
 * - Weights are recorded at the step that training has got to.
 *
 * Throws a TypeError where histograms are asked for without a model, and a RangeError where their interval is none.
 */
export function tfjsCallback(publisher: TfjsPublisher, options: TfjsCallbackOptions = {}): TfjsCallback {
  const { model, initialStep = 0 } = options;
  const interval = histogramInterval(options);
  let step = initialStep;
  return {
    onBatchEnd(_, logs = {}) {
      step += 1;
      const { loss, metrics } = trainingMetrics(logs);
      publisher.logStep({ step, loss, metrics: { ...metrics, ...learningRate(model) } });
    },
    async onEpochEnd(epoch, logs = {}) {
      publisher.logEpoch({ epoch, ...trainingMetrics(logs) });
      const validation = validationMetrics(logs);
      if (validation !== undefined) publisher.logValidation({ epoch, ...validation });
      if ((epoch + 1) % interval === 0) await logWeights(publisher, model, step);
    },
  };
}

/** Epochs from one recording of the weights to the next; infinite where there is none. */
function histogramInterval({ histograms = false, model }: TfjsCallbackOptions): number {
  if (histograms === false) return Infinity;
  if (model === undefined)
    throw new TypeError('histograms of weights need the model: tfjsCallback(publisher, { model, … })');
  const interval = histograms === true ? 1 : histograms;
  if (Number.isInteger(interval) && interval >= 1) return interval;
  throw new RangeError(`histograms expects true, false or a number of epochs from 1, not ${interval}`);
}

interface Metrics {
  readonly loss: number;
  readonly metrics: TfjsLogs;
}

function trainingMetrics(logs: TfjsLogs): Metrics {
  const entries = Object.entries(logs).filter(([name]) => !NO_METRICS.has(name) && !name.startsWith(VALIDATION));
  return splitLoss(Object.fromEntries(entries));
}

function validationMetrics(logs: TfjsLogs): Metrics | undefined {
  const entries = Object.entries(logs).filter(([name]) => name.startsWith(VALIDATION));
  if (entries.length === 0) return undefined;
  return splitLoss(Object.fromEntries(entries.map(([name, value]) => [name.slice(VALIDATION.length), value])));
}

function splitLoss({ loss = Number.NaN, ...metrics }: TfjsLogs): Metrics {
  return { loss, metrics };
}

/** Every optimiser has it, and none shows it to the compiler. */
function learningRate(model: TfjsModel | undefined): TfjsLogs {
  const optimizer = model?.optimizer ?? {};
  const rate = 'learningRate' in optimizer ? optimizer.learningRate : undefined;
  return typeof rate === 'number' ? { learning_rate: rate } : {};
}

async function logWeights(publisher: TfjsPublisher, model: TfjsModel | undefined, step: number): Promise<void> {
  const weights = model?.weights ?? [];
  for (const weight of weights) {
    // The same model has the same keys in every process, unless it is a model of models with layers of one name.
    const isOnly = weights.every((other) => other === weight || other.originalName !== weight.originalName);
    const key = `weights/${isOnly ? weight.originalName : weight.name}`;
    // The tensor is the variable's own: it is not ours to dispose of.
    const values = await weight.read().data();
    if (isNumeric(values)) publisher.logHistogram(key, values, { step });
  }
}

function isNumeric(values: unknown): values is Float32Array | Int32Array | Uint8Array {
  return values instanceof Float32Array || values instanceof Int32Array || values instanceof Uint8Array;
}
