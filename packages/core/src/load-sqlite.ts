/** SQLite as Node brings it, without the warning that it is experimental, which no trainer's output should start with. */

import type * as sqlite from 'node:sqlite';

/** Loads `node:sqlite`. Only this may be the first to do so in a process: Node warns once, when it is loaded. */
export function loadSqlite(): typeof sqlite {
  const { emitWarning } = Object.getOwnPropertyDescriptors(process);
  Object.defineProperty(process, 'emitWarning', { ...emitWarning, value: () => undefined });
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    Object.defineProperty(process, 'emitWarning', emitWarning);
  }
}
