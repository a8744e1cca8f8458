/** From a sink as data to a sink: in the worker by the module's URL, in the caller's thread without it where it brings its function. */

import { isSinkSpec, type Sink, type SinkModule, type SinkSpec } from '@runcast/core';

/** A sink that could not be made or opened, and why. */
export interface OpenFailure {
  readonly sink: string;
  readonly error: unknown;
}

/** Makes the sinks that the specs describe; sinks that are objects are taken as they are. */
export async function loadSinks(
  given: readonly (Sink | SinkSpec)[],
): Promise<{ readonly sinks: readonly Sink[]; readonly failures: readonly OpenFailure[] }> {
  const sinks: Sink[] = [];
  const failures: OpenFailure[] = [];
  for (const sink of given) {
    try {
      sinks.push(isSinkSpec(sink) ? await loadSink(sink) : sink);
    } catch (error) {
      failures.push({ sink: sink.name, error });
    }
  }
  return { sinks, failures };
}

/** Makes the sink that a spec describes. Rejects where its module cannot be loaded or is none. */
export async function loadSink(spec: SinkSpec): Promise<Sink> {
  const module: unknown = spec.load === undefined ? await import(spec.module) : await spec.load();
  if (!isSinkModule(module)) throw new TypeError(`${spec.module} does not export a function createSink`);
  return module.createSink(spec.config);
}

function isSinkModule(module: unknown): module is SinkModule {
  return (
    typeof module === 'object' && module !== null && 'createSink' in module && typeof module.createSink === 'function'
  );
}
