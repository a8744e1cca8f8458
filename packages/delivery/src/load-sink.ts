/** From a sink as data to a sink: in the worker by the module's URL, in the caller's thread without it where it brings its function. */

import type { CreateSink, Sink, SinkSpec } from '@runcast/core';

/** Makes the sink that a spec describes. Rejects where its module cannot be loaded or is none. */
export async function loadSink(spec: SinkSpec): Promise<Sink> {
  const createSink = spec.createSink ?? (await importCreateSink(spec.module));
  return createSink(spec.config);
}

async function importCreateSink(url: string): Promise<CreateSink> {
  const module: unknown = await import(url);
  if (!hasCreateSink(module)) throw new TypeError(`${url} does not export a function createSink`);
  return module.createSink;
}

function hasCreateSink(module: unknown): module is { readonly createSink: CreateSink } {
  return (
    typeof module === 'object' && module !== null && 'createSink' in module && typeof module.createSink === 'function'
  );
}
