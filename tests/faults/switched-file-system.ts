// A file system that fails while a switch is set: the harness sets it from outside, whatever thread or process the file is
// written by. A disk that is full still takes half of what it is given, as real ones do.
import { existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, closeSync, readFileSync, writeSync } from 'node:fs';
import type { AppendFileSystem } from '@runcast/append-file';
import { isJsonObject, type JsonObject } from '@runcast/core';

/** As they are before the failing log puts others in their place. */
const real = { openSync, writeSync, ftruncateSync, fsyncSync, fstatSync, closeSync };

/** The code of the fault that is switched on; undefined where none is. */
function switchedFault(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Switched off in between.
    return undefined;
  }
}

export function createSwitchedFileSystem(switchFile: string): AppendFileSystem {
  const check = (call: string): void => {
    const code = switchedFault(switchFile);
    if (code !== undefined) throw Object.assign(new Error(`${code}: switched fault, ${call}`), { code, syscall: call });
  };
  return {
    openSync: (path, flags, mode) => {
      if (switchedFault(switchFile) === 'EACCES') check('open');
      return real.openSync(path, flags, mode);
    },
    writeSync: (fd, bytes, offset, length, position) => {
      const code = switchedFault(switchFile);
      if (code === 'ENOSPC' && length > 1)
        return real.writeSync(fd, bytes, offset, Math.max(1, Math.floor(length / 2)), position);
      check('write');
      return real.writeSync(fd, bytes, offset, length, position);
    },
    ftruncateSync: real.ftruncateSync,
    fsyncSync: (fd) => {
      check('fsync');
      real.fsyncSync(fd);
    },
    fstatSync: real.fstatSync,
    closeSync: real.closeSync,
  };
}

/** The parts of a faulty sink's configuration. */
export function faultyConfig(config: JsonObject): { readonly switchFile: string; readonly inner: JsonObject } {
  const { config: inner } = config;
  if (!isJsonObject(inner)) throw new TypeError('not the configuration of a faulty sink');
  return { switchFile: textMember(config, 'faultSwitch'), inner };
}

export function textMember(config: JsonObject, name: string): string {
  const text = config[name];
  if (typeof text !== 'string') throw new TypeError(`a faulty sink needs a text ${name}`);
  return text;
}
