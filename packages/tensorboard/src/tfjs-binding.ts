/**
 * The native part of @tensorflow/tfjs-node, loaded only where the engine is chosen. TensorFlow's summary writer is asked
 * through it, since the package's own `tf.node.summaryFileWriter` cannot be closed, hands out one writer for a directory for
 * ever, takes steps of 32 bits only, stamps each event with the time of the call, breaks within `tf.tidy` or while another
 * backend is active, and makes histograms by operations that fail since Node 23. None of that lies in the native part.
 */

import { createRequire } from 'node:module';
import path from 'node:path';
import { ConfigError, errorMessage } from '@runcast/core';

const PACKAGE = '@tensorflow/tfjs-node';

/** Of the package's TFJSBinding, what a summary writer needs. Tensors are numbers that stay until they are deleted. */
export interface TfjsBinding {
  readonly TF_STRING: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_STRING: number;
  createTensor(shape: readonly number[], dtype: number, data: Int32Array | readonly Uint8Array[]): number;
  deleteTensor(tensor: number): void;
  /** Runs one operation of TensorFlow; throws where that reports an error. */
  executeOp(
    name: string,
    attributes: readonly { readonly name: string; readonly type: number; readonly value: string }[],
    inputs: readonly number[],
    outputs: number,
  ): readonly { readonly id: number }[];
}

interface Tfjs {
  findBackend(name: string): unknown;
}

/** Loads a module as CommonJS does, by its name. */
export type Require = (name: string) => unknown;

/**
 * The binding of the package as it is found beside this one or else from the working directory, in that order.
 *
 * @throws ConfigError where there is none, or none that works, with what to do.
 */
export function loadTfjsBinding(places: readonly Require[] = defaultPlaces()): TfjsBinding {
  const backend = findPackage(places).findBackend('tensorflow');
  const binding = typeof backend === 'object' && backend !== null && 'binding' in backend ? backend.binding : undefined;
  if (isBinding(binding)) return binding;
  throw unusable(`the ${PACKAGE} that was found is none this version can work with; 4.22 is`);
}

function defaultPlaces(): readonly Require[] {
  return [createRequire(import.meta.url), createRequire(path.resolve('package.json'))];
}

function findPackage(places: readonly Require[]): Tfjs {
  let reason = '';
  for (const load of places) {
    try {
      const tfjs = load(PACKAGE);
      if (isTfjs(tfjs)) return tfjs;
      reason = 'what was found has no findBackend';
    } catch (error) {
      // Its first line says what is wrong; below stands how Node came to look for it.
      [reason = ''] = errorMessage(error).split('\n');
    }
  }
  throw unusable(`${PACKAGE} cannot be loaded: ${reason}; npm install ${PACKAGE}`);
}

function unusable(message: string): ConfigError {
  return new ConfigError([{ variable: 'TENSORBOARD__ENGINE', message: `${message}, or set it to native` }]);
}

function isTfjs(module: unknown): module is Tfjs {
  return hasFunctions(module, ['findBackend']);
}

function isBinding(binding: unknown): binding is TfjsBinding {
  const constants = ['TF_STRING', 'TF_INT32', 'TF_ATTR_STRING'];
  return (
    hasFunctions(binding, ['createTensor', 'deleteTensor', 'executeOp']) &&
    constants.every((name) => typeof Reflect.get(binding, name) === 'number')
  );
}

function hasFunctions(value: unknown, names: readonly string[]): value is object {
  return (
    typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}
