/**
 * TensorFlow's summary writer: one file, to which serialised events are given as they are, with their own steps and times.
 * https://www.tensorflow.org/api_docs/python/tf/raw_ops/ImportEvent
 */

import { randomUUID } from 'node:crypto';
import type { TfjsBinding } from './tfjs-binding.ts';

/** Only {@link TfjsSummaryWriter.flush} writes: by itself, TensorFlow looks at its clock at the next event and never else. */
const NEVER = 2 ** 31 - 1;

/** tfjs-node's own suffix. */
const FILE_SUFFIX = '.v2';

const utf8 = new TextEncoder();

/** A file is begun when one is made. Everything throws what TensorFlow reports. */
export class TfjsSummaryWriter {
  readonly #binding: TfjsBinding;
  /** The tensor that stands for the writer. */
  readonly #handle: number;

  constructor(binding: TfjsBinding, directory: string) {
    this.#binding = binding;
    // TensorFlow would give a second writer of the same name the file of the first.
    const attributes = { container: '', shared_name: `runcast-${randomUUID()}` };
    const [writer] = binding.executeOp(
      'SummaryWriter',
      Object.entries(attributes).map(([name, value]) => ({ name, type: binding.TF_ATTR_STRING, value })),
      [],
      1,
    );
    if (writer === undefined) throw new TypeError('TensorFlow made no summary writer');
    this.#handle = writer.id;
    try {
      this.#run('CreateSummaryFileWriter', [
        this.#bytes(utf8.encode(directory)),
        this.#integer(NEVER),
        this.#integer(NEVER),
        this.#bytes(utf8.encode(FILE_SUFFIX)),
      ]);
    } catch (error) {
      binding.deleteTensor(this.#handle);
      throw error;
    }
  }

  /** Takes an event; it need not be in the file when this returns. */
  add(event: Uint8Array): void {
    this.#run('ImportEvent', [this.#bytes(event)]);
  }

  /** Hands everything to the operating system, as far as TensorFlow notices: it does not say so of each write that fails. */
  flush(): void {
    this.#run('FlushSummaryWriter', []);
  }

  /** Writes what is left, closes the file, and leaves nothing in TensorFlow. */
  close(): void {
    try {
      this.#run('CloseSummaryWriter', []);
    } finally {
      this.#binding.deleteTensor(this.#handle);
    }
  }

  #run(operation: string, inputs: readonly number[]): void {
    try {
      this.#binding.executeOp(operation, [], [this.#handle, ...inputs], 0);
    } finally {
      for (const input of inputs) this.#binding.deleteTensor(input);
    }
  }

  #bytes(value: Uint8Array): number {
    return this.#binding.createTensor([], this.#binding.TF_STRING, [value]);
  }

  #integer(value: number): number {
    return this.#binding.createTensor([], this.#binding.TF_INT32, Int32Array.of(value));
  }
}
