/**
 * What the model sees of the text before a character: which character stands at each of the last places, and which groups
 * of two, three … characters the text ends in. Each is the number of a row of one weight table. Groups are hashed into a
 * fixed number of rows; where two share a row, training settles what that costs (the "hashing trick" of Weinberger et al.,
 * https://arxiv.org/abs/0902.2206).
 */

import { characterAt } from './dataset.ts';

export interface FeatureOptions {
  readonly vocabularySize: number;
  /** How many single characters are looked back at. */
  readonly contextLength: number;
  /** The longest group, at most `contextLength`; 1 for none. */
  readonly longestGroup: number;
  /** Rows for the groups of one length: two to this power, 1 to 24. */
  readonly bucketBits: number;
}

export class ContextFeatures {
  readonly #options: FeatureOptions;

  constructor(options: FeatureOptions) {
    this.#options = options;
  }

  /** Characters that must stand before a position. */
  get contextLength(): number {
    return this.#options.contextLength;
  }

  /** Features of one position. */
  get count(): number {
    return this.#options.contextLength + this.#options.longestGroup - 1;
  }

  /** Rows that stand for single characters, before those for groups. */
  get characterRows(): number {
    return this.#options.contextLength * this.#options.vocabularySize;
  }

  get rows(): number {
    return this.characterRows + (this.#options.longestGroup - 1) * 2 ** this.#options.bucketBits;
  }

  /** Writes the row numbers for what stands before `position` to `into`. */
  write(text: Uint8Array, position: number, into: Int32Array): void {
    const { vocabularySize, contextLength, longestGroup, bucketBits } = this.#options;
    for (let back = 0; back < contextLength; back += 1) {
      into[back] = back * vocabularySize + characterAt(text, position - 1 - back);
    }
    let hash = characterAt(text, position - 1);
    for (let length = 2; length <= longestGroup; length += 1) {
      hash = mixed(hash * vocabularySize + characterAt(text, position - length) + 1);
      const bucket = hash >>> (32 - bucketBits);
      into[contextLength + length - 2] = this.characterRows + (length - 2) * 2 ** bucketBits + bucket;
    }
  }
}

/** Spreads a number over 32 bits: the finaliser of MurmurHash3. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
