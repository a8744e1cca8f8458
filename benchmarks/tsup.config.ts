// Contenders run as JavaScript: stripping types when a process starts would add to the memory and the time measured.
import type { Options } from 'tsup';

const config: Options = {
  entry: ['contenders/*.ts'],
  format: 'esm',
  platform: 'node',
  target: 'node22',
  splitting: true,
  removeNodeProtocol: false,
  clean: true,
  silent: true,
};

export default config;
