/** Keys are remembered up to this many; then the memory starts afresh. */
const MAX_KNOWN_KEYS = 10_000;

/** What is made of a key, remembered: a trainer logs the same few names millions of times. What is undefined is made again. */
export class KnownKeys<Made> {
  readonly #make: (key: string) => Made;
  readonly #maxKeys: number;
  readonly #made = new Map<string, Made>();

  constructor(make: (key: string) => Made, maxKeys: number = MAX_KNOWN_KEYS) {
    this.#make = make;
    this.#maxKeys = maxKeys;
  }

  of(key: string): Made {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = this.#make(key);
    if (made === undefined) return made;
    if (this.#made.size >= this.#maxKeys) this.#made.clear();
    this.#made.set(key, made);
    return made;
  }
}
