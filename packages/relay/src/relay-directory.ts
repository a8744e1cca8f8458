/**
 * The directory in which a relay keeps the runs it has read, and how far it has read. It is one relay's at a time, and nobody
 * else's: a trainer's run of the same name would have the same log.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '@runcast/append-file';
import { ConfigError, errorMessage } from '@runcast/core';
import { STREAM_START } from '@runcast/redis';
import { acquireLease, listRuns, writeWhole, type Lease } from '@runcast/runlog';
import { z } from 'zod';

const stateSchema = z.object({
  v: z.literal(1),
  stream: z.string(),
  position: z.string().regex(/^\d+-\d+$/u),
  entriesRead: z.int().min(0),
});

/** How far the stream has been read into the directory. */
export interface RelayPosition {
  /** Of the last entry that is durable here. */
  readonly id: string;
  /** How many entries of the stream come up to it, those that were trimmed too. */
  readonly entriesRead: number;
}

export class RelayDirectory {
  readonly path: string;
  readonly deadLetterFile: string;
  readonly #stream: string;
  readonly #stateFile: string;

  /** @throws ConfigError where the directory is not, and cannot become, that of a relay of this stream. */
  constructor(path: string, stream: string) {
    this.path = path;
    this.#stream = stream;
    this.#stateFile = join(path, 'relay.json');
    this.deadLetterFile = join(path, 'dead-letters.jsonl');
    this.#prepare();
  }

  /** Undefined while another process of this machine relays into it. */
  acquire(): Lease | undefined {
    return acquireLease(join(this.path, 'relay.db'));
  }

  position(): RelayPosition {
    const { position, entriesRead } = this.#read();
    return { id: position, entriesRead };
  }

  /** To be called when everything up to there is durable. */
  movePosition({ id, entriesRead }: RelayPosition): void {
    const state = { v: 1, stream: this.#stream, position: id, entriesRead };
    writeWhole(this.#stateFile, `${JSON.stringify(state)}\n`);
  }

  #prepare(): void {
    try {
      makeDirectory(this.path);
      if (!existsSync(this.#stateFile)) {
        if (listRuns(this.path).length > 0) throw new Error('it holds runs of trainers; choose a directory of its own');
        this.movePosition({ id: STREAM_START, entriesRead: 0 });
      }
      const { stream } = this.#read();
      if (stream !== this.#stream)
        throw new Error(`it holds runs of the stream ${stream}; choose another directory for ${this.#stream}`);
    } catch (error) {
      const message = `${JSON.stringify(this.path)} cannot be the directory of a relay: ${errorMessage(error)}`;
      throw new ConfigError([{ variable: '--dir', message }]);
    }
  }

  #read(): z.infer<typeof stateSchema> {
    return stateSchema.parse(JSON.parse(readFileSync(this.#stateFile, 'utf8')));
  }
}
