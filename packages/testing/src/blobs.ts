/** Bytes beside the log, for records that refer to them: sinks read them from the run directory and may check the digest. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BlobReference, StoredFile } from '@runcast/core';

/** A whole PNG of one transparent pixel. */
export const PIXEL_PNG: Uint8Array = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

/** What a file record's default refers to. */
export const SAMPLE_FILE: Uint8Array = Buffer.from('weights of a small model\n');

/**
 * The reference of `bytes`, named by their digest.
 *
 * @param extension With its dot, `.png`.
 */
export function blobReference(bytes: Uint8Array, extension: string): BlobReference {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { blob: `blobs/${sha256}${extension}`, bytes: bytes.length, sha256 };
}

/** As {@link blobReference}, for files, which have no digest in their record. */
export function storedFile(bytes: Uint8Array, extension: string): StoredFile {
  const { blob, bytes: size } = blobReference(bytes, extension);
  return { blob, bytes: size };
}

/** Puts `bytes` below the run directory and returns the reference that a record holds. */
export function writeBlob(runDirectory: string, bytes: Uint8Array, extension: string): BlobReference {
  const reference = blobReference(bytes, extension);
  const path = join(runDirectory, reference.blob);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return reference;
}
