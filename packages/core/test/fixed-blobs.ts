/** A blob store for recorders whose blobs nobody looks at: it keeps nothing, and every file has the same few bytes. */

import type { BlobStore } from '../src/recorder.ts';

export const fixedBlobs: BlobStore = {
  put: (bytes) => ({ blob: 'blobs/a', bytes: bytes.length, sha256: '' }),
  copy: () => ({ blob: 'blobs/b', bytes: 1 }),
  read: () => new Uint8Array(3),
};
