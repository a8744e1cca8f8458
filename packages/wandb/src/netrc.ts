/** The key that `wandb login` leaves in `~/.netrc`: the password of the machine that W&B runs on. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, type Environment } from '@runcast/core';

/** The password for `host` in the text of a netrc file; undefined where it has none. */
export function netrcPassword(text: string, host: string): string | undefined {
  const words = text
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/u, ''))
    .join(' ')
    .split(/\s+/u);
  let machine: string | undefined;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === 'default') machine = undefined;
    if (word !== 'machine' && word !== 'login' && word !== 'account' && word !== 'password') continue;
    // Whatever follows is a value, even where it is called as something else.
    index += 1;
    if (word === 'machine') machine = words[index];
    else if (word === 'password' && machine === host) return words[index];
  }
  return undefined;
}

/** As {@link netrcPassword}, of the file that `NETRC` names, or of `.netrc` or `_netrc` in `HOME`. */
export function readNetrcPassword(env: Environment, host: string): string | undefined {
  const home = env['HOME'] ?? env['USERPROFILE'];
  const named = env['NETRC']?.trim();
  const paths =
    named !== undefined && named !== ''
      ? [named]
      : home === undefined
        ? []
        : [join(home, '.netrc'), join(home, '_netrc')];
  for (const path of paths) {
    try {
      return netrcPassword(readFileSync(path, 'utf8'), host);
    } catch (error) {
      // Another's file that may not be read says nothing, as one that is not there.
      if (errorCode(error) === undefined) throw error;
    }
  }
  return undefined;
}
