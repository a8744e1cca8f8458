/** The one place where the process's environment is read; everywhere else an environment is an argument. */

import type { Environment } from '@runcast/core';

/** The environment as it is now: a trainer may have loaded its `.env` file after importing this package. */
export function processEnvironment(): Environment {
  return process.env;
}
