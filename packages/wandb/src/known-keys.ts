/** Keys are remembered up to this many; then the memory starts afresh. */
const MAX_KNOWN_KEYS = 10_000;

/** What is made of a key, remembered: most keys come again with every row. */
export class KnownKeys<Made> {
  readonly #make: (key: string) => Made;
  readonly #made = new Map<string, Made>();

  constructor(make: (key: string) => Made) {
    this.#make = make;
  }

  of(key: string): Made {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (this.#made.size >= MAX_KNOWN_KEYS) this.#made.clear();
    const made = this.#make(key);
    this.#made.set(key, made);
    return made;
  }
}
