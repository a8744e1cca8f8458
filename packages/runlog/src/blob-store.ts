/**
 * Bytes too large for a line of the log, kept beside it: images under the name of their content, files as the copy they
 * were when they were saved.
 */

import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
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
      const folder = join('files', `${writer}-${copies}`);
      copies += 1;
      mkdirSync(join(directory.blobDirectory, folder), { recursive: true });
      const copy = join(directory.blobDirectory, folder, basename(path));
      // A file system that can share blocks copies a checkpoint in no time.
      copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      return { blob: posix.join('blobs', 'files', basename(folder), basename(path)), bytes: statSync(copy).size };
    },
    read(path: string): Uint8Array {
      return readFileSync(path);
    },
  };
}

/** For a publisher without sinks: says how large things are and keeps nothing. */
export const nullBlobStore: BlobStore = {
  put: (bytes) => ({ blob: '', bytes: bytes.length, sha256: '' }),
  copy: (path) => ({ blob: '', bytes: statSync(path).size }),
  read: (path) => readFileSync(path),
};
