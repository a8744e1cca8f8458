/** The SQL run store: the sink that writes runs to it, and what reads them back. */

export {
  absoluteStoreUrl,
  sqliteFile,
  storeAddress,
  storeEnv,
  type StoreConfig,
  type StoreSinkOptions,
} from './config.ts';
export { openStore, type OpenStoreOptions } from './open-store.ts';
export { probeStore } from './probe-store.ts';
export { QueryError } from './query-error.ts';
export {
  type ColumnField,
  configValues,
  parseRunField,
  RUN_FIELD_NAMES,
  type RunField,
  runFieldValue,
  type TagField,
  type ValueField,
} from './run-field.ts';
export * from './schema.ts';
export { createStoreSink } from './sink.ts';
export { storeSink } from './spec.ts';
export { createIndexesSql, createTableSql, type SqlDialect } from './sql-dialect.ts';
export { StoreError } from './store-error.ts';
export * from './store.ts';
export { postgresStoreTraits, sqliteStoreTraits } from './traits.ts';
