/** Weights & Biases without its client: online through its API, offline as what `wandb sync` uploads. */

export {
  type ImageSize,
  wandbEnv,
  type WandbConfig,
  type WandbEngine,
  type WandbImageChoice,
  type WandbMode,
  type WandbSinkOptions,
} from './config.ts';
export {
  sendRequest,
  type HttpAnswer,
  type HttpHeaders,
  type HttpRequest,
  type RequestBody,
  type SendRequest,
} from './http-request.ts';
export {
  parseWandbJson,
  readTransactions,
  type TransactionArtifactFile,
  type TransactionItem,
  type TransactionsRead,
  type WandbTransaction,
} from './read-transactions.ts';
export { createWandbSink, type WandbSinkParts } from './sink.ts';
export { wandbSink } from './spec.ts';
export type { DamagedFrame } from './transaction-frames.ts';
export { wandbOfflineTraits, wandbSdkTraits, wandbTraits } from './traits.ts';
