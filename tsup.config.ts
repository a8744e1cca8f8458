// One build for every package: `tsup` runs inside a package's folder and finds this file above it. Output mirrors the
// entry names, because some of them are loaded by URL at run time: the delivery worker starts `dist/worker.js`, and the
// worker loads a sink's `dist/sink.js`, each from beside the `dist/index.js` that names it.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Options } from 'tsup';

// In core, sink.ts is the contract that index.ts exports, not a module to load.
const sinks = path.basename(process.cwd()) === 'core' ? [] : ['src/sink.ts', 'src/spec.ts'];
const entry = ['src/index.ts', 'src/worker.ts', 'src/bin.ts', ...sinks].filter((file) => existsSync(file));

/** Left out of the build like other dependencies, which tsup leaves out by itself. */
function optionalDependencies(): string[] {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  if (typeof manifest !== 'object' || manifest === null || !('optionalDependencies' in manifest)) return [];
  return Object.keys(manifest.optionalDependencies ?? {});
}

const options: Options = {
  entry,
  external: optionalDependencies(),
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

// A package without source yet has nothing to build.
const config: readonly Options[] = entry.length === 0 ? [] : [options];

export default config;
