// TensorFlow's summary operations as far as the engine uses them, with failures that the real one cannot be made to have.
// The real one is asked in tests/tensorboard and tests/contract.
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TfjsBinding } from '../src/tfjs-binding.ts';
import { FOOTER_BYTES, HEADER_BYTES, sealRecord } from '../src/tfrecord.ts';

/** What happens instead of an operation. */
type Failure = () => ReturnType<TfjsBinding['executeOp']>;

export class ScriptedTensorflow implements TfjsBinding {
  readonly TF_STRING = 7;
  readonly TF_INT32 = 3;
  readonly TF_ATTR_STRING = 0;
  /** By operation, until it is removed. */
  readonly failures: Map<string, Failure> = new Map();
  readonly tensors: Map<number, Int32Array | readonly Uint8Array[]> = new Map();
  readonly #files = new Map<number, string>();
  #made = 0;

  createTensor(_shape: readonly number[], _dtype: number, data: Int32Array | readonly Uint8Array[]): number {
    this.#made += 1;
    this.tensors.set(this.#made, data);
    return this.#made;
  }

  deleteTensor(tensor: number): void {
    this.tensors.delete(tensor);
  }

  executeOp(name: string, _attributes: unknown, [handle = 0, input = 0]: readonly number[]): readonly { id: number }[] {
    const failure = this.failures.get(name);
    if (failure !== undefined) return failure();
    switch (name) {
      case 'SummaryWriter':
        return [{ id: this.createTensor([], 20, []) }];
      case 'CreateSummaryFileWriter':
        this.#files.set(handle, path.join(Buffer.from(this.#bytes(input)).toString(), this.#fileName()));
        writeFileSync(this.#file(handle), frame(new Uint8Array(24)));
        return [];
      case 'ImportEvent':
        appendFileSync(this.#file(handle), frame(this.#bytes(input)));
        return [];
      default:
        return [];
    }
  }

  #fileName(): string {
    return `events.out.tfevents.${Math.floor(Date.now() / 1000)}.host.1.${this.#made}.v2`;
  }

  #file(handle: number): string {
    return this.#files.get(handle) ?? '';
  }

  #bytes(tensor: number): Uint8Array {
    const [bytes] = this.tensors.get(tensor) ?? [];
    return bytes instanceof Uint8Array ? bytes : new Uint8Array();
  }
}

function frame(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  bytes.set(data, HEADER_BYTES);
  sealRecord(new DataView(bytes.buffer), 0, HEADER_BYTES + data.length);
  return bytes;
}
