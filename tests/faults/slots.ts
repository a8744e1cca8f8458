// So many things at once, some of which count for several. Whoever comes first is served first.

export class Slots {
  #free: number;
  readonly #waiting: { readonly count: number; readonly begin: () => void }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Does the work once `count` slots are free, which must be no more than there are. */
  async use<T>(count: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((begin) => {
      this.#waiting.push({ count, begin });
      this.#beginNext();
    });
    try {
      return await work();
    } finally {
      this.#free += count;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    for (let [next] = this.#waiting; next !== undefined && next.count <= this.#free; [next] = this.#waiting) {
      this.#waiting.shift();
      this.#free -= next.count;
      next.begin();
    }
  }
}
