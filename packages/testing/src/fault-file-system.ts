/**
 * A file system for `openAppendFile` whose calls fail on demand: a full disk after so many bytes, an I/O error, a file that
 * may not be opened. What is not told to fail goes to the real one.
 */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { AppendFileSystem } from '@runcast/append-file';

/** The next call of that name fails with the code, or a write takes only so many bytes. */
export type FileFault =
  | {
      readonly call: keyof AppendFileSystem;
      readonly code: 'ENOSPC' | 'EIO' | 'EACCES' | 'ENOENT' | 'EROFS';
      readonly after?: number;
    }
  | { readonly call: 'writeSync'; readonly takes: number; readonly after?: number };

export interface FaultFileSystem extends AppendFileSystem {
  /**
   * Adds faults, each used up by one call. `after` counts the calls of that name that still succeed before it (0 where left
   * out); faults of one name come in the order given, each counting from the one before.
   */
  inject(...faults: readonly FileFault[]): void;
  /** Faults that no call has met yet. */
  readonly pending: readonly FileFault[];
}

/** The error that Node throws for a failed system call. */
export class FileFaultError extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(code: string, syscall: string) {
    super(`${code}: injected fault, ${syscall}`);
    this.name = 'FileFaultError';
    this.code = code;
    this.syscall = syscall;
  }
}

export function createFaultFileSystem(...faults: readonly FileFault[]): FaultFileSystem {
  let pending: readonly FileFault[] = faults;
  /** The fault that meets this call, if any. */
  const meet = (call: keyof AppendFileSystem): FileFault | undefined => {
    const fault = pending.find((candidate) => candidate.call === call);
    if (fault === undefined) return undefined;
    const left = fault.after ?? 0;
    pending = pending.flatMap((candidate) =>
      candidate !== fault ? [candidate] : left === 0 ? [] : [{ ...fault, after: left - 1 }],
    );
    return left === 0 ? fault : undefined;
  };
  const check = (call: keyof AppendFileSystem): void => {
    const fault = meet(call);
    if (fault !== undefined && 'code' in fault) throw new FileFaultError(fault.code, call.replace(/Sync$/u, ''));
  };
  return {
    openSync: (path, flags, mode) => {
      check('openSync');
      return openSync(path, flags, mode);
    },
    writeSync: (fd, bytes, offset, length, position) => {
      const fault = meet('writeSync');
      if (fault === undefined) return writeSync(fd, bytes, offset, length, position);
      if ('code' in fault) throw new FileFaultError(fault.code, 'write');
      return fault.takes === 0 ? 0 : writeSync(fd, bytes, offset, Math.min(length, fault.takes), position);
    },
    ftruncateSync: (fd, length) => {
      check('ftruncateSync');
      ftruncateSync(fd, length);
    },
    fsyncSync: (fd) => {
      check('fsyncSync');
      fsyncSync(fd);
    },
    fstatSync: (fd) => {
      check('fstatSync');
      return fstatSync(fd);
    },
    closeSync: (fd) => {
      // A failed close has released the descriptor all the same.
      closeSync(fd);
      check('closeSync');
    },
    inject: (...further) => {
      pending = [...pending, ...further];
    },
    get pending() {
      return pending;
    },
  };
}
