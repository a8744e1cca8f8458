/** Options of the commands that read a run store; apart from what reads it, which help does not need. */

import type { OptionDefinition } from './parse-arguments.ts';

export const WHERE_OPTION: OptionDefinition = {
  name: 'where',
  value: '<filter>',
  meaning: 'only runs that fit, as for runcast query; repeat it for more filters',
};

export const STORE_OPTION: OptionDefinition = {
  name: 'store',
  value: '<url>',
  meaning: 'another store: sqlite:<file> or postgres://...',
};
