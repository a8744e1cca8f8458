/** tfjs-node as its users have it: found in a directory of their own, with what its 4.22 needs on Node 23 and later. */

import { createRequire } from 'node:module';
import path from 'node:path';

interface SummaryFileWriter {
  scalar(name: string, value: number, step: number): void;
  histogram(name: string, data: Tensor, step: number, buckets?: number): void;
  flush(): void;
}

interface Tensor {
  dispose(): void;
}

export interface Tfjs {
  readonly node: { summaryFileWriter(directory: string): SummaryFileWriter };
  tensor1d(values: Float32Array): Tensor;
}

export function loadTfjs(directory: string): Tfjs {
  const load = createRequire(path.join(directory, 'package.json'));
  const util: unknown = load('node:util');
  if (typeof util !== 'object' || util === null) throw new TypeError('there is no node:util');
  Reflect.set(util, 'isNullOrUndefined', (value: unknown) => value === null || value === undefined);
  const tfjs: unknown = load('@tensorflow/tfjs-node');
  if (!isTfjs(tfjs)) throw new TypeError('there is no tfjs-node');
  return tfjs;
}

function isTfjs(module: unknown): module is Tfjs {
  return typeof module === 'object' && module !== null && 'tensor1d' in module && 'node' in module;
}
