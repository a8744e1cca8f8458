/** A sink of flat JSON rows, one a record, for pandas and jq. */

import { extname } from 'node:path';
import type { SinkSpec } from '@runcast/core';
import type { JsonlSinkOptions } from './sink.ts';

export * from './config.ts';
export * from './encode.ts';
export { createJsonlSink, type JsonlSinkOptions, jsonlTraits } from './sink.ts';

/** Rows in `<dir>/<run id>.jsonl`. */
export function jsonlSink(options: JsonlSinkOptions): SinkSpec {
  return {
    name: 'jsonl',
    // The sink's module lies beside this one, as TypeScript or as JavaScript.
    module: new URL(`./sink${extname(import.meta.url)}`, import.meta.url).href,
    config: { dir: options.dir, logEveryNSteps: options.logEveryNSteps ?? 1 },
    load: () => import('./sink.ts'),
  };
}
