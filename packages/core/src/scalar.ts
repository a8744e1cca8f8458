/**
 * Scalars as the record format writes them. JSON has no NaN and no infinities, so they travel as three fixed strings; every
 * reader, from pandas to jq, can tell them from a missing value.
 */

import { numberText } from './number-text.ts';

/** A double in its JSON form. */
export type Scalar = number | 'NaN' | 'Infinity' | '-Infinity';

/** Keys and their scalars, in the order they were logged. Keys may be any string, `__proto__` too: read with Object.entries. */
export type ScalarMap = Readonly<Record<string, Scalar>>;

export function toScalar(value: number): Scalar {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}

export function fromScalar(scalar: Scalar): number {
  return typeof scalar === 'number' ? scalar : Number(scalar);
}

/**
 * A number as JSON text of the record format: non-finite ones as their strings, and a negative zero with its sign, which
 * JSON.stringify loses.
 */
export function scalarText(value: Scalar): string {
  return typeof value === 'number' && Number.isFinite(value) ? numberText(value) : `"${value}"`;
}

export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity';
}

/**
 * exp(loss), the perplexity of a mean negative log-likelihood in nats; Infinity from 20 up, where the number would only
 * drown the chart, and NaN for NaN.
 */
export function perplexity(loss: number): number {
  return loss >= 20 ? Infinity : Math.exp(loss);
}
