/**
 * Numbers to the bytes of JSON text. Of a row of metrics, nearly all of the time goes into the digits of its doubles; this takes half
 * of what the engine does, makes no text on the way, and comes to the same digits: the fewest that read back as the same
 * double, and of those the nearest (ECMA-262, Number::toString).
 */

import { byteAt, MINUS, POINT, utf8, ZERO } from './bytes.ts';
import { inversePowerOfTen, powerOfTen, productError } from './decimal.ts';

/** What the longest number takes, such as -1.2345678901234567e-100. */
export const MAX_NUMBER_BYTES = 25;

/** 17 digits tell any two doubles apart: nine of them, and the last eight. */
const MAX_DIGITS = 17;
const HIGH_DIGITS = 9;
const HIGH = 1e9;
const LOW = 1e8;
/** From here on up to there, a double's first 17 digits are its product with a power of ten that is a double itself. */
const SMALLEST = 1e-6;
const LARGEST = 1e17;
/** Far more than the rounding errors of a comparison: what is no further from a bound than this is left to the engine. */
const DOUBT = 1e-9;

/** 00 to 99. */
const PAIRS = utf8(Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0')).join(''));

/**
 * Writes a finite number as JSON has it, but for a negative zero, which keeps its sign. Returns where the next byte goes.
 *
 * @param bytes Has room for {@link MAX_NUMBER_BYTES} more.
 */
export function putNumber(bytes: Uint8Array, start: number, value: number): number {
  const size = Math.abs(value);
  const isNegative = value < 0 || Object.is(value, -0);
  if (isNegative) bytes[start] = MINUS;
  const digits = isNegative ? start + 1 : start;
  if (size < HIGH && size === Math.trunc(size)) return putInteger(bytes, digits, size);
  // The distance to the next double, of a size that is no power of two: below those doubles are closer than above, and below the
  // smallest normal one this is wrong altogether.
  const gap = size + size * 2 ** -53 - size;
  if (gap === 0 || size < SMALLEST || size >= LARGEST) return putPlainly(bytes, digits, size);
  const exponent = exponentOf(size);
  // The first 17 digits and what follows them are scaled + short, exactly; what lies within `reach` of that reads as the same double.
  const power = powerOfTen(MAX_DIGITS - 1 - exponent);
  const scaled = size * power;
  const short = productError(size, power, scaled);
  const reach = (gap / 2) * power;
  // Not rounded up to the next integer: of an integer times 10^8, the double before it is further away than that takes.
  const high = (scaled / LOW) | 0;
  const rest = scaled - high * LOW;
  const low = nearestShortest(rest, short, reach);
  if (low < 0 || high >= HIGH - 1) return putPlainly(bytes, digits, size);
  return low < LOW
    ? putDecimal(bytes, digits, high, low, exponent)
    : putDecimal(bytes, digits, high + 1, low - LOW, exponent);
}

/** That of the first digit. */
function exponentOf(size: number): number {
  let exponent = size < 1 ? -1 : 0;
  if (size < 1) for (; inversePowerOfTen(-exponent) > size; exponent -= 1);
  else for (; powerOfTen(exponent + 1) <= size; exponent += 1);
  return exponent;
}

/**
 * The integer closest to `rest + short`, among those less than `reach` away that end in most zeros. Negative where
 * it is a matter of rounding which one that is.
 */
function nearestShortest(rest: number, short: number, reach: number): number {
  const exact = rest + short;
  if (exact < 0) return -1;
  // More than two zeros need no look: within reach, which is no more than 11.2, is one multiple of 100 at most.
  const hundreds = (((exact + 50) / 100) | 0) * 100;
  const fromHundreds = Math.abs(hundreds - rest - short);
  if (fromHundreds < reach - DOUBT) return hundreds;
  const tens = (((exact + 5) / 10) | 0) * 10;
  const fromTens = Math.abs(tens - rest - short);
  const one = (exact + 0.5) | 0;
  const fromOne = Math.abs(one - rest - short);
  const isDoubtful =
    fromHundreds < reach + DOUBT || Math.abs(fromTens - reach) < DOUBT || 5 - fromTens < DOUBT || 0.5 - fromOne < DOUBT;
  if (isDoubtful) return -1;
  return fromTens < reach ? tens : one;
}

/** Digits of an integer from 0 to below 10^9. */
function putInteger(bytes: Uint8Array, start: number, value: number): number {
  let end = start + 1;
  for (let bound = 10; bound <= value; bound *= 10) end += 1;
  let rest = value;
  for (let at = end - 1; at >= start; at -= 1) {
    const tens = (rest / 10) | 0;
    bytes[at] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return end;
}

/** Nine digits of `high` and eight of `low`, but for the zeros at their end; the first one counts for 10^exponent. */
function putDecimal(bytes: Uint8Array, start: number, high: number, low: number, exponent: number): number {
  let first = start + 1;
  if (exponent < 0) {
    bytes[start] = ZERO;
    bytes[start + 1] = POINT;
    first = start + 1 - exponent;
    for (let at = start + 2; at < first; at += 1) bytes[at] = ZERO;
  }
  const lead = (high / LOW) | 0;
  bytes[first] = ZERO + lead;
  putEightDigits(bytes, first + 1, (high - lead * LOW) | 0);
  putEightDigits(bytes, first + HIGH_DIGITS, low);
  let end = first + MAX_DIGITS;
  while (byteAt(bytes, end - 1) === ZERO) end -= 1;
  if (exponent < 0) return end;
  // Those before the point move to make room for it.
  const point = start + exponent + 1;
  for (let at = start; at < point; at += 1) bytes[at] = byteAt(bytes, at + 1);
  if (end <= point + 1) return point;
  bytes[point] = POINT;
  return end;
}

function putEightDigits(bytes: Uint8Array, start: number, value: number): void {
  const high = (value / 10_000) | 0;
  putFourDigits(bytes, start, high);
  putFourDigits(bytes, start + 4, (value - high * 10_000) | 0);
}

function putFourDigits(bytes: Uint8Array, start: number, value: number): void {
  const high = (value / 100) | 0;
  const low = (value - high * 100) | 0;
  bytes[start] = byteAt(PAIRS, high << 1);
  bytes[start + 1] = byteAt(PAIRS, (high << 1) + 1);
  bytes[start + 2] = byteAt(PAIRS, low << 1);
  bytes[start + 3] = byteAt(PAIRS, (low << 1) + 1);
}

function putPlainly(bytes: Uint8Array, start: number, value: number): number {
  const text = JSON.stringify(value);
  for (let index = 0; index < text.length; index += 1) bytes[start + index] = text.charCodeAt(index);
  return start + text.length;
}
