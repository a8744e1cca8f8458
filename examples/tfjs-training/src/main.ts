/** Trains a network of 1,200 weights in the pure JavaScript of TensorFlow.js, and logs it by one callback. */

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { tfjsCallback } from '@runcast/tfjs';
import { withPublisher } from 'runcast';
import { spirals, type Points } from './spirals.ts';

const EPOCHS = 60;
const BATCH_SIZE = 32;
const LEARNING_RATE = 0.02;
const SEED = 7;

await tf.setBackend('cpu');

// The same points in every run.
const numbers = tf.randomUniform([5_000], 0, 1, 'float32', SEED).dataSync().values();
const random = (): number => Number(numbers.next().value);
const training = spirals(200, random);
const validation = spirals(100, random);

await withPublisher({ run: { project: 'spirals', config: { optimizer: 'adam', seed: SEED } } }, async (publisher) => {
  publisher.logHparams({
    model_family: 'mlp',
    model_size: '32x32',
    batch_size: BATCH_SIZE,
    learning_rate: LEARNING_RATE,
    max_seq_len: 1,
    num_epochs: EPOCHS,
  });
  const dense = (units: number, seed: number, activation: 'relu' | 'sigmoid'): layers.layers.Layer =>
    layers.layers.dense({ units, activation, kernelInitializer: layers.initializers.glorotUniform({ seed }) });
  const hidden = layers.layers.dense({
    units: 32,
    activation: 'relu',
    inputShape: [2],
    kernelInitializer: layers.initializers.glorotUniform({ seed: SEED }),
  });
  const model = layers.sequential({ layers: [hidden, dense(32, SEED + 1, 'relu'), dense(1, SEED + 2, 'sigmoid')] });
  model.compile({ optimizer: tf.train.adam(LEARNING_RATE), loss: 'binaryCrossentropy', metrics: ['accuracy'] });

  const { inputs, labels } = tensors(training);
  const held = tensors(validation);
  const history = await model.fit(inputs, labels, {
    epochs: EPOCHS,
    batchSize: BATCH_SIZE,
    validationData: [held.inputs, held.labels],
    callbacks: tfjsCallback(publisher, { model, histograms: 10 }),
  });

  const last = (name: string): number => Number(history.history[name]?.at(-1));
  publisher.logFinal({ loss: last('val_loss'), metrics: { accuracy: last('val_acc') } });
  console.log(`run ${publisher.run.id}: accuracy on held-out points ${last('val_acc').toFixed(3)}`);
});

function tensors(points: Points): { readonly inputs: tf.Tensor2D; readonly labels: tf.Tensor2D } {
  return {
    inputs: tf.tensor2d(points.inputs.map(([x, y]) => [x, y])),
    labels: tf.tensor2d(points.labels.map((label) => [label])),
  };
}
