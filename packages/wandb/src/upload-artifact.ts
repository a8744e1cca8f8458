/**
 * Artifacts as W&B's own client makes them: a version with a manifest of its files by digest, the files, and at last a commit. A
 * version whose digest is there already is not made again.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { RetryableSinkError, type ArtifactRecord } from '@runcast/core';
import {
  aliasesOf,
  artifactName,
  clientId,
  manifestDigest,
  manifestText,
  type ArtifactFile,
  type DigestedFile,
} from './artifact-manifest.ts';
import type { RunPlace, WandbClient } from './client.ts';
import { COMMIT_ARTIFACT, CREATE_ARTIFACT, CREATE_ARTIFACT_FILES, CREATE_ARTIFACT_MANIFEST } from './operations.ts';

const MANIFEST_NAME = 'wandb_manifest.json';
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
  if (uploadUrl === undefined) throw new RetryableSinkError(`W&B gave no address for the manifest of ${name}`);
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
    if (node?.uploadUrl === undefined) continue;
    await client.put(file.path, node.uploadUrl, node.uploadHeaders ?? [], { kind: 'file', path: file.local });
  }
}

async function md5OfFile(path: string): Promise<string> {
  const digest = createHash('md5');
  for await (const chunk of createReadStream(path)) if (Buffer.isBuffer(chunk)) digest.update(chunk);
  return digest.digest('base64');
}
