/**
 * What turning doubles into decimal digits and back needs of arithmetic. Both go by numbers that a double holds exactly, and by the
 * rounding errors of their products; where that does not settle the last digit, the engine's own functions do.
 */

/** 10^22 is the largest power of ten that is a double. */
export const MAX_EXACT_POWER = 22;

/** 2^27 + 1 splits a double into two halves of 26 bits. */
const SPLITTER = 134_217_729;

const EXPONENTS = Array.from({ length: MAX_EXACT_POWER + 1 }, (_, exponent) => exponent);
const POWERS = Float64Array.from(EXPONENTS, (exponent) => Number(`1e${exponent}`));
const INVERSES = Float64Array.from(EXPONENTS, (exponent) => Number(`1e-${exponent}`));
const INVERSE_ERRORS = Float64Array.from(EXPONENTS, (exponent) => {
  const power = powerOfTen(exponent);
  const inverse = inversePowerOfTen(exponent);
  const product = power * inverse;
  return (1 - product - productError(power, inverse, product)) / power;
});

/** 10^exponent, exactly, of an integer from 0 to {@link MAX_EXACT_POWER}; NaN of any other number. */
export function powerOfTen(exponent: number): number {
  return POWERS[exponent] ?? Number.NaN;
}

/** 10^-exponent as the nearest double. */
export function inversePowerOfTen(exponent: number): number {
  return INVERSES[exponent] ?? Number.NaN;
}

/** What that double is short of the inverse itself, as the nearest double. */
export function inversePowerError(exponent: number): number {
  return INVERSE_ERRORS[exponent] ?? Number.NaN;
}

/**
 * What `product`, which is `one * other` rounded, is short of the product itself: exact, as long as nothing in between overflows or
 * underflows (T. J. Dekker, "A floating-point technique for extending the available precision", 1971).
 */
export function productError(one: number, other: number, product: number): number {
  const oneSplit = one * SPLITTER;
  const oneHigh = oneSplit - (oneSplit - one);
  const oneLow = one - oneHigh;
  const otherSplit = other * SPLITTER;
  const otherHigh = otherSplit - (otherSplit - other);
  const otherLow = other - otherHigh;
  return oneHigh * otherHigh - product + oneHigh * otherLow + oneLow * otherHigh + oneLow * otherLow;
}
