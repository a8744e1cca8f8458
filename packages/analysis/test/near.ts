/** Numbers in a structure, up to so many decimals. */

import { expect } from 'vitest';

/** Vitest's `closeTo`, whose type would be any. Negative `decimals` are tens, hundreds … */
export function near(value: number, decimals: number): unknown {
  return expect.closeTo(value, decimals);
}
