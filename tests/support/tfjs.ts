// Where the tests find a @tensorflow/tfjs-node that works, or why there is none. It is set up once by
// `node scripts/setup-tfjs.ts`, which `pnpm test` runs first; a test that needs it skips itself with the reason.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const top = path.join(import.meta.dirname, '..', '..');

/** A project folder of its own, in whose `node_modules` the package lies: too large for everybody's. */
export const tfjsFolder: string = path.join(top, '.cache', 'tfjs');

/** What the set-up is made from; whenever it changes, it is done anew. */
const SOURCES = ['scripts/setup-tfjs.ts', 'scripts/tfjs/c_api.h'];

/** Says for which set-up the folder was completed. */
export const tfjsStampFile: string = path.join(tfjsFolder, 'completed-for.txt');

/** Says why the last attempt failed. */
export const tfjsReasonFile: string = path.join(top, '.cache', 'no-tfjs.txt');

/** Changes whenever the set-up does. */
export function tfjsSetupHash(): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(path.join(top, source)));
  return hash.digest('hex');
}

/** Why tfjs-node cannot be used here; undefined where it can. Reads what the last set-up left. */
export function missingTfjs(): string | undefined {
  if (existsSync(tfjsStampFile) && readFileSync(tfjsStampFile, 'utf8') === tfjsSetupHash()) return undefined;
  if (existsSync(tfjsReasonFile)) return readFileSync(tfjsReasonFile, 'utf8');
  return 'no tfjs-node: run `node scripts/setup-tfjs.ts`';
}
