import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfData from '@tensorflow/tfjs-data';
import * as layers from '@tensorflow/tfjs-layers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tfjsCallback, type TfjsPublisher } from './tfjs-callback.ts';

type Call = readonly [keyof TfjsPublisher, ...(readonly unknown[])];

let calls: Call[] = [];

const publisher: TfjsPublisher = {
  logStep: (metrics) => calls.push(['logStep', metrics]),
  logEpoch: (metrics) => calls.push(['logEpoch', metrics]),
  logValidation: (metrics) => calls.push(['logValidation', metrics]),
  logHistogram: (key, values, options) => calls.push(['logHistogram', key, Array.from(values), options]),
};

function made(name: keyof TfjsPublisher): readonly unknown[] {
  return calls.filter(([call]) => call === name).map(([, first]) => first);
}

/** Learns y = 2x, in a straight line to there. */
function compiledModel(): layers.Sequential {
  const model = layers.sequential({
    layers: [
      layers.layers.dense({ units: 1, inputShape: [1], useBias: false, kernelInitializer: 'zeros', name: 'only' }),
    ],
  });
  model.compile({ optimizer: tf.train.sgd(0.125), loss: 'meanSquaredError', metrics: ['mae'] });
  return model;
}

const XS = [[1], [1], [1], [1]];
const YS = [[2], [2], [2], [2]];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

beforeEach(() => {
  calls = [];
});

describe('tfjsCallback', () => {
  it('logs batches as steps, epochs, validation and the learning rate of a real training', async () => {
    const model = compiledModel();
    await model.fit(tf.tensor2d(XS), tf.tensor2d(YS), {
      epochs: 2,
      batchSize: 2,
      shuffle: false,
      validationData: [tf.tensor2d(XS), tf.tensor2d(YS)],
      callbacks: tfjsCallback(publisher, { model }),
    });
    // The kernel's way is 0, 0.5, 0.875, 1.15625, 1.3671875: each batch a quarter of what is left.
    const left = [2, 1.5, 1.125, 0.84375, 0.6328125];
    expect(made('logStep')).toEqual(
      left.slice(0, 4).map((off, index) => ({
        step: index + 1,
        loss: off ** 2,
        metrics: { mae: off, learning_rate: 0.125 },
      })),
    );
    expect(made('logEpoch')).toEqual([
      { epoch: 0, loss: (2 ** 2 + 1.5 ** 2) / 2, metrics: { mae: 1.75 } },
      { epoch: 1, loss: (1.125 ** 2 + 0.84375 ** 2) / 2, metrics: { mae: 0.984375 } },
    ]);
    expect(made('logValidation')).toEqual([
      { epoch: 0, loss: 1.125 ** 2, metrics: { mae: 1.125 } },
      { epoch: 1, loss: Math.fround(0.6328125 ** 2), metrics: { mae: 0.6328125 } },
    ]);
    expect(made('logHistogram')).toEqual([]);
  });

  it('logs a training from a data set, without what nobody gave', async () => {
    const model = compiledModel();
    const data = tfData.zip({ xs: tfData.array(XS), ys: tfData.array(YS) }).batch(2);
    await model.fitDataset(data, { epochs: 1, callbacks: tfjsCallback(publisher) });
    expect(made('logStep')).toEqual([
      { step: 1, loss: 4, metrics: { mae: 2 } },
      { step: 2, loss: 2.25, metrics: { mae: 1.5 } },
    ]);
    expect(made('logEpoch')).toMatchObject([{ epoch: 0 }]);
    expect(made('logValidation')).toEqual([]);
  });

  it.each([
    [true, [2, 4, 6]],
    [2, [4]],
    [false, []],
  ])('logs histograms %s: the weights, at the step reached', async (histograms, steps) => {
    const model = compiledModel();
    const callbacks = tfjsCallback(publisher, { model, histograms });
    await model.fit(tf.tensor2d(XS), tf.tensor2d(YS), {
      epochs: 3,
      batchSize: 2,
      shuffle: false,
      callbacks,
    });
    const recorded = calls.filter(([name]) => name === 'logHistogram');
    expect(recorded.map(([, key]) => key)).toEqual(steps.map(() => 'weights/only/kernel'));
    expect(recorded.map(([, , , options]) => options)).toEqual(steps.map((step) => ({ step })));
    const kernels = new Map([
      [2, 0.875],
      [4, 1.3671875],
      [6, 1.64404296875],
    ]);
    expect(recorded.map(([, , values]) => values)).toEqual(steps.map((step) => [kernels.get(step)]));
    expect(() => model.predict(tf.tensor2d(XS))).not.toThrow();
  });

  it('follows a learning rate that changes, and steps that were counted before', () => {
    const optimizer = { learningRate: 0.5 };
    const callback = tfjsCallback(publisher, { model: { optimizer, weights: [] }, initialStep: 100 });
    callback.onBatchEnd(0, { batch: 0, size: 8, loss: 1 });
    optimizer.learningRate = 0.25;
    callback.onBatchEnd(1, { batch: 1, size: 8, loss: 1 });
    expect(made('logStep')).toEqual([
      { step: 101, loss: 1, metrics: { learning_rate: 0.5 } },
      { step: 102, loss: 1, metrics: { learning_rate: 0.25 } },
    ]);
  });

  it('takes a model that is not compiled, an optimiser with a schedule, weights that are no numbers, and no logs', async () => {
    const weights = [{ name: 'words', originalName: 'words', read: () => ({ data: () => Promise.resolve(['a']) }) }];
    for (const model of [{ weights }, { weights, optimizer: { learningRate: () => 1 } }]) {
      const callback = tfjsCallback(publisher, { model, histograms: true });
      callback.onBatchEnd(0);
      await callback.onEpochEnd(0);
    }
    const nothing = { loss: Number.NaN, metrics: {} };
    expect(calls).toEqual([
      ['logStep', { step: 1, ...nothing }],
      ['logEpoch', { epoch: 0, ...nothing }],
      ['logStep', { step: 1, ...nothing }],
      ['logEpoch', { epoch: 0, ...nothing }],
    ]);
  });

  it('names weights apart that have one name', async () => {
    const weight = { originalName: 'dense/kernel', read: () => ({ data: () => Promise.resolve(Float32Array.of(1)) }) };
    const weights = ['dense/kernel', 'dense/kernel_1'].map((name) => ({ ...weight, name }));
    await tfjsCallback(publisher, { model: { weights }, histograms: true }).onEpochEnd(0);
    expect(made('logHistogram')).toEqual(['weights/dense/kernel', 'weights/dense/kernel_1']);
  });

  it('refuses histograms that cannot be, before training', () => {
    const model = { weights: [] };
    expect(() => tfjsCallback(publisher, { histograms: true })).toThrow('histograms of weights need the model');
    expect(() => tfjsCallback(publisher, { model, histograms: 0 })).toThrow(RangeError);
    expect(() => tfjsCallback(publisher, { model, histograms: 1.5 })).toThrow('epochs from 1, not 1.5');
  });
});
