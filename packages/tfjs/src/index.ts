/** Training with TensorFlow.js, logged: a callback for `fit` and `fitDataset`. */

export {
  tfjsCallback,
  type TfjsCallback,
  type TfjsCallbackOptions,
  type TfjsLogs,
  type TfjsModel,
  type TfjsPublisher,
} from './tfjs-callback.ts';
