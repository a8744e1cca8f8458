/** Options that make no sense are said, not rounded to some that do. */

export interface OptionRange {
  readonly least: number;
  readonly most: number;
}

/** A share of a whole. */
export const SHARE: OptionRange = { least: 0, most: 1 };

/** A number that sizes, counts and factors may be. */
export const POSITIVE: OptionRange = { least: Number.MIN_VALUE, most: Number.MAX_VALUE };

/** The option, or its default. Throws a RangeError where it is out of its range. */
export function optionWithin(name: string, value: number | undefined, byDefault: number, range: OptionRange): number {
  if (value === undefined) return byDefault;
  // Written so that NaN is out of every range.
  if (value >= range.least && value <= range.most) return value;
  const bounds = range === POSITIVE ? 'a positive number' : `a number from ${range.least} to ${range.most}`;
  throw new RangeError(`${name} expects ${bounds}, is ${value}`);
}
