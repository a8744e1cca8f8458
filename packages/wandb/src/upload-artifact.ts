/**
 * Artifacts as W&B's own client makes them: a version with a manifest of its files by digest, the files, and at last a commit. A
 * version whose digest is there already is not made again.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { RetryableSinkError, type ArtifactRecord } from '@runcast/core';
import type { RunPlace, WandbClient } from './client.ts';
import {
  COMMIT_ARTIFACT,
  CREATE_ARTIFACT,
  CREATE_ARTIFACT_FILES,
  CREATE_ARTIFACT_MANIFEST,
} from './operations.ts';

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

const MANIFEST_NAME = 'wandb_manifest.json';
/** Begins what the digest of a manifest is made of (`ArtifactManifestV1.digest` in wandb). */
const DIGEST_PREFIX = 'wandb-artifact-manifest-v1\n';

/** Uploads the artifact, once however often it is called. */
export async function uploadArtifact(
  client: WandbClient,
  place: RunPlace,
  writer: string,
  record: ArtifactRecord,
  files: readonly ArtifactFile[],
): Promise<void> {
  const name = artifactName(record.name);
  const digested = await Promise.all(files.map(async (file) => ({ ...file, md5: await md5OfFile(file.local) })));
  const { entity: entityName, project: projectName, run: runName } = place;
  const { createArtifact } = await client.graphql(CREATE_ARTIFACT, {
    input: {
      entityName,
      projectName,
      runName,
      artifactTypeName: record.type,
      artifactCollectionName: name,
      aliases: aliasesOf(record).map((alias) => ({ artifactCollectionName: name, alias })),
      digest: manifestDigest(digested),
      digestAlgorithm: 'MANIFEST_MD5',
      clientID: clientId(entityName, projectName, writer, String(record.seq)),
      sequenceClientID: clientId(entityName, projectName, name),
      enableDigestDeduplication: true,
      metadata: JSON.stringify(record.metadata),
    },
  });
  const { id: artifactID, state } = createArtifact.artifact;
  if (state === 'COMMITTED') return;
  const manifest = manifestText(digested, artifactID);
  const common = { artifactID, baseArtifactID: null, name: MANIFEST_NAME, entityName, projectName, runName };
  const created = await client.graphql(CREATE_ARTIFACT_MANIFEST, {
    ...common,
    digest: '',
    manifestType: 'FULL',
    includeUpload: false,
  });
  await uploadFiles(client, artifactID, created.createArtifactManifest.artifactManifest.id, digested);
  const described = await client.graphql(CREATE_ARTIFACT_MANIFEST, {
    ...common,
    digest: createHash('md5').update(manifest).digest('base64'),
    manifestType: 'FULL',
    includeUpload: true,
  });
  const { uploadUrl, uploadHeaders } = described.createArtifactManifest.artifactManifest.file;
  if (uploadUrl == null) throw new RetryableSinkError(`W&B gave no address for the manifest of ${name}`);
  await client.put(`the manifest of ${name}`, uploadUrl, uploadHeaders ?? [], { kind: 'text', text: manifest });
  await client.graphql(COMMIT_ARTIFACT, { artifactID });
}

async function uploadFiles(
  client: WandbClient,
  artifactID: string,
  artifactManifestID: string,
  files: readonly DigestedFile[],
): Promise<void> {
  if (files.length === 0) return;
  const { createArtifactFiles } = await client.graphql(CREATE_ARTIFACT_FILES, {
    artifactFiles: files.map(({ path, md5 }) => ({ artifactID, artifactManifestID, name: path, md5 })),
    storageLayout: 'V2',
  });
  const { edges } = createArtifactFiles.files;
  if (edges.length !== files.length)
    throw new RetryableSinkError(`W&B gave ${edges.length} addresses for ${files.length} files`);
  for (const [index, file] of files.entries()) {
    const node = edges[index]?.node;
    // Without an address the server has the bytes.
    if (node?.uploadUrl == null) continue;
    await client.put(file.path, node.uploadUrl, node.uploadHeaders ?? [], { kind: 'file', path: file.local });
  }
}

/** W&B allows letters, digits, `_`, `-` and `.`. */
export function artifactName(name: string): string {
  return name.replaceAll(/[^\w.-]/gu, '-').slice(0, 128);
}

/** W&B calls the newest version `latest` wherever aliases are given as well. */
export function aliasesOf({ aliases }: Pick<ArtifactRecord, 'aliases'>): readonly string[] {
  return [...new Set(['latest', ...aliases])];
}

/** Identifies an artifact before the server has given it a name; the same for the same record. */
function clientId(...parts: readonly string[]): string {
  return createHash('sha512').update(JSON.stringify(parts)).digest('hex');
}

export function manifestDigest(files: readonly DigestedFile[]): string {
  const digest = createHash('md5').update(DIGEST_PREFIX);
  for (const { path, md5 } of sorted(files)) digest.update(`${path}:${md5}\n`);
  return digest.digest('hex');
}

export function manifestText(files: readonly DigestedFile[], artifactId: string): string {
  const contents = sorted(files).map(({ path, md5, bytes }) => [
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

async function md5OfFile(path: string): Promise<string> {
  const digest = createHash('md5');
  for await (const chunk of createReadStream(path)) if (Buffer.isBuffer(chunk)) digest.update(chunk);
  return digest.digest('base64');
}
