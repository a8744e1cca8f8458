/** Weights & Biases without its client: online through its API, offline as what `wandb sync` uploads. */

export {
  type ImageSize,
  wandbEnv,
  type WandbConfig,
  type WandbImageChoice,
  type WandbMode,
  type WandbSinkOptions,
} from './config.ts';
export { createWandbSink } from './sink.ts';
export { wandbSink } from './spec.ts';
export { wandbOfflineTraits, wandbTraits } from './traits.ts';
