/**
 * From text to numbers, split so that the validation loss is honest: the last part of the text, never seen in training,
 * and an alphabet made from the training part alone.
 */

export interface Dataset {
  readonly vocabulary: Vocabulary;
  /** Character numbers of the training text. */
  readonly training: Uint8Array;
  /** Character numbers of the held-out text. */
  readonly validation: Uint8Array;
}

export interface SplitOptions {
  /** Share of the text that is held out, between 0 and 1; taken from its end. */
  readonly validationShare: number;
  /** Characters seen less often than this in the training text count as unknown. */
  readonly leastCount: number;
}

export function createDataset(text: string, options: SplitOptions): Dataset {
  const characters = [...text];
  const cut = Math.floor(characters.length * (1 - options.validationShare));
  const training = characters.slice(0, cut);
  const vocabulary = new Vocabulary(training, options.leastCount);
  return {
    vocabulary,
    training: vocabulary.encode(training),
    validation: vocabulary.encode(characters.slice(cut)),
  };
}

/** The number of the character at a position; the unknown one's outside the text. */
export function characterAt(text: Uint8Array, position: number): number {
  return text[position] ?? 0;
}

const UNKNOWN = '\u{FFFD}';
const MAX_CHARACTERS = 255;

/** Characters and their numbers, 0 for one that is unknown. */
export class Vocabulary {
  readonly #characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  /** @throws RangeError where more than 255 different characters are frequent enough. */
  constructor(characters: Iterable<string>, leastCount: number) {
    const counts = new Map<string, number>();
    for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
    const known = [...counts].filter(([, count]) => count >= leastCount).map(([character]) => character);
    if (known.length > MAX_CHARACTERS) {
      throw new RangeError(`${known.length} different characters, at most ${MAX_CHARACTERS} can be told apart`);
    }
    this.#characters = [UNKNOWN, ...known.toSorted()];
    this.#numbers = new Map(this.#characters.map((character, number) => [character, number]));
  }

  /** How many characters there are, the unknown one included. */
  get size(): number {
    return this.#characters.length;
  }

  encode(characters: Iterable<string>): Uint8Array {
    return Uint8Array.from(characters, (character) => this.#numbers.get(character) ?? 0);
  }

  decode(numbers: Iterable<number>): string {
    return Array.from(numbers, (number) => this.#characters[number] ?? UNKNOWN).join('');
  }
}
