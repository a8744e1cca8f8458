/**
 * Numbers from the bytes of JSON text. `JSON.parse` spends most of its time with a row of metrics on their digits; this takes
 * half of that, and gives the same doubles to the last bit.
 */

import { byteAt, MINUS, POINT, ZERO } from './bytes.ts';
import { inversePowerError, inversePowerOfTen, MAX_EXACT_POWER, powerOfTen, productError } from './decimal.ts';

const PLUS = 0x2b;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

/** The leading digits' integer takes another digit while it is below this: up to nine of them. */
const MAX_LEADING = 1e8;
/** Nine leading ones, 30 bits, times the 21 bits of 5^9, are still a double. */
const MAX_TRAILING_DIGITS = 9;
/** How much more than its own error, some 2^-50 of it, the last correction is moved to see whether that matters. */
const DOUBT = 1e-10;

/** A number as JSON has it, and nothing else. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/u;

export class NumberScanner {
  /** Where the number read last ends. */
  end = 0;

  /** The number that starts at byte `start`, as `Number` would read it; NaN where there is none. */
  read(bytes: Uint8Array, start: number): number {
    const isNegative = byteAt(bytes, start) === MINUS;
    const first = isNegative ? start + 1 : start;
    // The digits are leading * 10^trailingDigits + trailing, and the number is that over 10^fractionDigits.
    let leading = 0;
    let trailing = 0;
    let trailingDigits = 0;
    let point = -1;
    let at = first;
    for (let byte = byteAt(bytes, at); ; byte = byteAt(bytes, at)) {
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9) {
        if (leading < MAX_LEADING) {
          leading = (Math.imul(leading, 10) + digit) | 0;
        } else {
          trailing = (Math.imul(trailing, 10) + digit) | 0;
          trailingDigits += 1;
        }
      } else if (byte === POINT && point < 0) {
        point = at;
      } else {
        if (isExponent(byte)) return this.#readPlainly(bytes, start);
        break;
      }
      at += 1;
    }
    const whole = (point < 0 ? at : point) - first;
    const fraction = point < 0 ? 0 : at - point - 1;
    const isNumber = whole === 1 || (whole > 1 && byteAt(bytes, first) !== ZERO);
    if (!isNumber || at === point + 1) return Number.NaN;
    if (trailingDigits > MAX_TRAILING_DIGITS || fraction > MAX_EXACT_POWER) return this.#readPlainly(bytes, start);
    const value = quotient(leading, trailing, trailingDigits, fraction);
    if (Number.isNaN(value)) return this.#readPlainly(bytes, start);
    this.end = at;
    return isNegative ? -value : value;
  }

  #readPlainly(bytes: Uint8Array, start: number): number {
    let text = '';
    let at = start;
    for (let byte = byteAt(bytes, at); isOfNumber(byte); byte = byteAt(bytes, at)) {
      text += String.fromCodePoint(byte);
      at += 1;
    }
    this.end = at;
    return JSON_NUMBER.test(text) ? Number(text) : Number.NaN;
  }
}

/** (leading * 10^digits + trailing) / 10^power, rounded to the nearest double; NaN where that takes more than this to tell. */
function quotient(leading: number, trailing: number, digits: number, power: number): number {
  if (digits === 0) return leading / powerOfTen(power);
  const high = leading * powerOfTen(digits);
  const sum = high + trailing;
  const rest = trailing - (sum - high);
  const inverse = inversePowerOfTen(power);
  const estimate = sum * inverse;
  const correction = productError(sum, inverse, estimate) + (sum * inversePowerError(power) + rest * inverse);
  // The correction is off by a few of its own last bits. Where moving it by far more gives the same double, that is the nearest.
  const value = estimate + correction * (1 + DOUBT);
  return value === estimate + correction * (1 - DOUBT) ? value : Number.NaN;
}

function isExponent(byte: number): boolean {
  return byte === LOWER_E || byte === UPPER_E;
}

function isOfNumber(byte: number): boolean {
  return (byte >= ZERO && byte <= ZERO + 9) || byte === MINUS || byte === PLUS || byte === POINT || isExponent(byte);
}
