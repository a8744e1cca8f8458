/**
 * A table of weights together with its gradient. A batch touches few rows of the large feature table, so the gradient holds
 * only rows that were touched: clearing, clipping and updating cost what the batch used, not what the table holds.
 */

import type { Random } from './random.ts';

export class Parameter {
  readonly name: string;
  readonly rowLength: number;
  /** Row after row. */
  readonly values: Float32Array;
  /** Gradients of the touched rows, in the order of {@link touched}. */
  readonly gradient: Float32Array;
  readonly #slots: Int32Array;
  readonly #touched: number[] = [];

  /** @param maxTouchedRows The most rows that are touched between two calls of {@link clearGradient}. */
  constructor(name: string, rows: number, rowLength: number, maxTouchedRows: number = rows) {
    this.name = name;
    this.rowLength = rowLength;
    this.values = new Float32Array(rows * rowLength);
    this.gradient = new Float32Array(Math.min(rows, maxTouchedRows) * rowLength);
    this.#slots = new Int32Array(rows).fill(-1);
  }

  /** Numbers of the rows that have a gradient. */
  get touched(): readonly number[] {
    return this.#touched;
  }

  /** Where in {@link gradient} the row's gradient stands; from now on the row counts as touched. */
  gradientOffset(row: number): number {
    const known = this.#slots[row];
    if (known !== undefined && known >= 0) return known * this.rowLength;
    const slot = this.#touched.push(row) - 1;
    this.#slots[row] = slot;
    return slot * this.rowLength;
  }

  clearGradient(): void {
    this.gradient.fill(0, 0, this.#touched.length * this.rowLength);
    for (const row of this.#touched) this.#slots[row] = -1;
    this.#touched.length = 0;
  }

  /** Draws the first `rows` rows from the uniform distribution over ±`limit`. */
  randomise(random: Random, limit: number, rows: number = this.values.length / this.rowLength): this {
    for (let i = 0; i < rows * this.rowLength; i += 1) this.values[i] = (2 * random() - 1) * limit;
    return this;
  }
}
