// The native part of the tfjs-node that was set up for the tests. Apart from where it is set up, which needs nothing built.
import { createRequire } from 'node:module';
import path from 'node:path';
import { loadTfjsBinding, type TfjsBinding } from '@runcast/tensorboard';
import { tfjsFolder } from './tfjs.ts';

export function tfjsBinding(): TfjsBinding {
  return loadTfjsBinding([createRequire(path.join(tfjsFolder, 'package.json'))]);
}
