/**
 * The sink's second lane: bytes of media, files and artifacts, one record at a time. Each upload is named by its content or its
 * path, so that one that is sent again replaces itself.
 */

import {
  PositionLostError,
  RetryableSinkError,
  type ArtifactRecord,
  type JsonValue,
  type RecordBatch,
  type RecordKind,
  type RunRecord,
  type SinkContext,
  type UploadLane,
} from '@runcast/core';
import { z } from 'zod';
import { blobPath } from './blob-path.ts';
import type { RunPlace } from './client.ts';
import type { RequestBody } from './http-request.ts';
import type { WandbSinkConfig } from './config.ts';
import { mediaFile, type MediaRecord } from './media.ts';
import { CREATE_RUN_FILES } from './operations.ts';
import { anonymousIdentity, identityOf, identitySchema, type RunIdentity } from './run-state.ts';
import type { ServerRun } from './server-run.ts';
import { UPLOAD_KINDS } from './traits.ts';
import { uploadArtifact } from './upload-artifact.ts';

const positionSchema = z.object({
  v: z.literal(1),
  identity: identitySchema.nullable(),
  records: z.int().min(0),
  ended: z.boolean(),
});

export class RunUploads implements UploadLane {
  readonly kinds: readonly RecordKind[] = UPLOAD_KINDS;
  readonly #config: WandbSinkConfig;
  #runDirectory = '';
  #server: ServerRun | undefined;
  #identity: RunIdentity | null = null;
  #records = 0;
  #ended = false;

  constructor(config: WandbSinkConfig) {
    this.#config = config;
  }

  /** The run's last record has come to this lane. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  open({ uploadPosition, runDirectory }: SinkContext, server: ServerRun): void {
    this.#runDirectory = runDirectory;
    this.#server = server;
    if (uploadPosition === undefined) return;
    const parsed = positionSchema.safeParse(uploadPosition);
    if (!parsed.success)
      throw new PositionLostError(`not a position of this version's uploads: ${z.prettifyError(parsed.error)}`);
    this.#identity = parsed.data.identity;
    this.#records = parsed.data.records;
    this.#ended = parsed.data.ended;
  }

  async write({ writer, records }: RecordBatch): Promise<void> {
    for (const record of records) await this.#upload(writer, record);
    this.#records += records.length;
  }

  position(): JsonValue {
    return { v: 1, identity: this.#identity, records: this.#records, ended: this.#ended };
  }

  async #upload(writer: string, record: RunRecord): Promise<void> {
    switch (record.kind) {
      case 'open':
        this.#identity ??= identityOf(record);
        if (record.role === 'owner') this.#ended = false;
        await this.#run();
        return;
      case 'close':
        if (record.final) this.#ended = true;
        return;
      case 'table':
      case 'bar_chart':
      case 'image':
      case 'text':
        return this.#media(record);
      case 'file': {
        const path = this.#blob(record, record.blob);
        return this.#put(record.path, { kind: 'file', path });
      }
      case 'artifact':
        return this.#artifact(writer, record);
      case 'step':
      case 'epoch':
      case 'validation':
      case 'final':
      case 'log':
      case 'hparams':
      case 'config':
      case 'tags':
      case 'define_metric':
      case 'summary':
      case 'histogram':
      case 'alert':
      case 'system':
        return;
      default:
        record satisfies never;
    }
  }

  /** The row that refers to the bytes, or says why there are none, is the other lane's. */
  async #media(record: MediaRecord): Promise<void> {
    const file = mediaFile(record, this.#config);
    if (file === undefined || typeof file === 'string') return;
    const { bytes, path } = file;
    await this.#put(path, bytes.kind === 'text' ? bytes : { kind: 'file', path: this.#blob(record, bytes.blob) });
  }

  async #put(name: string, body: RequestBody): Promise<void> {
    const { server, place } = await this.#run();
    const { entity, project, run } = place;
    const { createRunFiles } = await server.client.graphql(CREATE_RUN_FILES, { entity, project, run, files: [name] });
    const [file] = createRunFiles.files;
    if (file?.uploadUrl === undefined) throw new RetryableSinkError(`W&B gave no address to upload ${name} to`);
    await server.client.put(name, file.uploadUrl, createRunFiles.uploadHeaders ?? [], body);
    await server.stream(place, { uploaded: [name] });
  }

  async #artifact(writer: string, record: ArtifactRecord): Promise<void> {
    const files = record.files.map(({ path, blob, bytes }) => ({ path, bytes, local: this.#blob(record, blob) }));
    const { server, place } = await this.#run();
    await uploadArtifact(server.client, place, writer, record, files);
  }

  async #run(): Promise<{ readonly server: ServerRun; readonly place: RunPlace }> {
    const server = this.#server;
    if (server === undefined) throw new Error('the wandb sink is not open');
    return { server, place: await server.ensureOpen(this.#identity ?? anonymousIdentity('')) };
  }

  #blob(record: RunRecord, blob: string): string {
    return blobPath(this.#runDirectory, record, blob);
  }
}
