// One build for every package: `tsup` runs inside a package's folder and finds this file above it. Output mirrors the
// entry names, because some of them are loaded by URL at run time: the delivery worker starts `dist/worker.js`, and the
// worker loads a sink's `dist/sink.js`, each from beside the `dist/index.js` that names it.
import { existsSync } from 'node:fs';
import type { Options } from 'tsup';

const ENTRIES = ['src/index.ts', 'src/worker.ts', 'src/sink.ts', 'src/bin.ts'];

const config: Options = {
  entry: ENTRIES.filter((entry) => existsSync(entry)),
  format: 'esm',
  platform: 'node',
  target: 'node22',
  dts: true,
  sourcemap: true,
  splitting: true,
  // `node:sqlite` exists only under its prefix, which tsup drops by default.
  removeNodeProtocol: false,
  clean: true,
  silent: true,
};

export default config;
