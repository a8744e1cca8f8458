/**
 * Bytes too large for a line of the log, kept beside it: images under the name of their content, files as the copy they
 * were when they were saved.
 */

import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, posix } from 'node:path';
import type { BlobReference, BlobStore, StoredFile } from '@runcast/core';
import type { RunDirectory } from './run-directory.ts';

/** The blobs of one writer: its name keeps its copies apart from those of other processes. */
export function createBlobStore(directory: RunDirectory, writer: string): BlobStore {
  let copies = 0;
  return {
    put(bytes: Uint8Array, extension: string): BlobReference {
      // Loaded when the first blob comes: most trainers have none, and start faster without it.
      const { createHash } = process.getBuiltinModule('node:crypto');
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const folder = sha256.slice(0, 2);
      const name = `${sha256}.${extension}`;
      const path = join(directory.blobDirectory, folder, name);
      if (!existsSync(path)) {
        mkdirSync(join(directory.blobDirectory, folder), { recursive: true });
        // Content under its own hash never changes; only a whole file may get the name.
        const draft = `${path}.${writer}.tmp`;
        writeFileSync(draft, bytes);
        renameSync(draft, path);
      }
      return { blob: posix.join('blobs', folder, name), bytes: bytes.length, sha256 };
    },
    copy(path: string): StoredFile {
      refuseIrregularFile(path);
      const name = `${writer}-${copies}`;
      copies += 1;
      const folder = join(directory.blobDirectory, 'files', name);
      mkdirSync(folder, { recursive: true });
      const copy = join(folder, basename(path));
      try {
        // A file system that can share blocks copies a checkpoint in no time.
        copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      } catch (error) {
        rmSync(folder, { recursive: true });
        throw error;
      }
      return { blob: posix.join('blobs', 'files', name, basename(path)), bytes: statSync(copy).size };
    },
    read: readRegularFile,
  };
}

/** For a publisher without sinks: says how large things are and keeps nothing. */
export const nullBlobStore: BlobStore = {
  put: (bytes) => ({ blob: '', bytes: bytes.length, sha256: '' }),
  copy: (path) => {
    refuseIrregularFile(path);
    return { blob: '', bytes: statSync(path).size };
  },
  read: readRegularFile,
};

function readRegularFile(path: string): Uint8Array {
  refuseIrregularFile(path);
  return readFileSync(path);
}

/** Reading a pipe or a device may never end, and training would wait for it. */
function refuseIrregularFile(path: string): void {
  if (!statSync(path).isFile()) throw new Error(`${path} is not a regular file`);
}
