/** What an artifact is called and made of: the same whether it is uploaded now or written for `wandb sync`. Pure. */

import { createHash } from 'node:crypto';
import type { ArtifactRecord, JsonObject } from '@runcast/core';

/** A file of an artifact. */
export interface ArtifactFile {
  /** Its name in the artifact. */
  readonly path: string;
  readonly bytes: number;
  /** Where its bytes lie. */
  readonly local: string;
}

/** A file and the MD5 of its bytes in base 64. */
export type DigestedFile = ArtifactFile & { readonly md5: string };

/** Begins what the digest of a manifest is made of (`ArtifactManifestV1.digest` in wandb). */
const DIGEST_PREFIX = 'wandb-artifact-manifest-v1\n';

/** W&B allows letters, digits, `_`, `-` and `.`. */
export function artifactName(name: string): string {
  return name.replaceAll(/[^\w.-]/gu, '-').slice(0, 128);
}

/** W&B calls the newest version `latest` wherever aliases are given as well. */
export function aliasesOf({ aliases }: Pick<ArtifactRecord, 'aliases'>): readonly string[] {
  return [...new Set(['latest', ...aliases])];
}

/** Identifies an artifact before the server has given it a name; the same for the same record. */
export function clientId(...parts: readonly string[]): string {
  return createHash('sha512').update(JSON.stringify(parts)).digest('hex');
}

export function manifestDigest(files: readonly DigestedFile[]): string {
  const digest = createHash('md5').update(DIGEST_PREFIX);
  for (const { path, md5 } of sorted(files)) digest.update(`${path}:${md5}\n`);
  return digest.digest('hex');
}

export function manifestText(files: readonly DigestedFile[], artifactId: string): string {
  const contents = sorted(files).map(({ path, md5, bytes }): readonly [string, JsonObject] => [
    path,
    { digest: md5, size: bytes, birthArtifactID: artifactId, skip_cache: false },
  ]);
  return JSON.stringify({
    version: 1,
    storagePolicy: 'wandb-storage-policy-v1',
    storagePolicyConfig: { storageLayout: 'V2' },
    contents: Object.fromEntries(contents),
  });
}

function sorted(files: readonly DigestedFile[]): readonly DigestedFile[] {
  return files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}
