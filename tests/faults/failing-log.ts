// Makes the run log's own disk fail while a switch is set. The log is opened deep inside the publisher, so the fault is put
// into this process's file system calls, which the publisher's modules take when they are loaded: call this before that.
import fs, { type PathLike } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { createSwitchedFileSystem } from './switched-file-system.ts';

export function failLogWhileSwitched(switchFile: string): void {
  const switched = createSwitchedFileSystem(switchFile);
  const { openSync, writeSync, fsyncSync } = fs;
  const logs = new Set<number>();
  const isLog = (file: PathLike): boolean => path.basename(path.dirname(String(file))) === 'log';
  const patched = {
    openSync: (file: string, flags: number, mode: number): number => {
      const fd = isLog(file) ? switched.openSync(file, flags, mode) : openSync(file, flags, mode);
      if (isLog(file)) logs.add(fd);
      else logs.delete(fd);
      return fd;
    },
    writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number =>
      logs.has(fd)
        ? switched.writeSync(fd, bytes, offset, length, position)
        : writeSync(fd, bytes, offset, length, position),
    fsyncSync: (fd: number): void => (logs.has(fd) ? switched.fsyncSync(fd) : fsyncSync(fd)),
  };
  Object.assign(fs, patched);
  syncBuiltinESMExports();
}
