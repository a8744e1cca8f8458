/**
 * Records of steps and free rows from the bytes of a log. Nearly all lines of nearly all logs are such rows, each with the keys of
 * the one before: what is the same is compared and not parsed again.
 */

import { byteAt, utf8, ZERO } from './bytes.ts';
import { NumberScanner } from './number-scanner.ts';
import { RECORD_VERSION, type LogRecord, type StepRecord } from './record.ts';
import { LOG_KIND, METRICS, ROW_END, SEQ, STEP, STEP_KIND, TIME } from './row-form.ts';
import type { Scalar, ScalarMap } from './scalar.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
/** Of characters that stand for themselves in JSON, and take one byte. */
const FIRST_PRINTABLE = 0x20;
const LAST_ASCII = 0x7f;

const MAX_COUNT_DIGITS = 15;

const NON_FINITE: readonly (readonly [Uint8Array, Scalar])[] = (['NaN', 'Infinity', '-Infinity'] as const).map(
  (text) => [utf8(`"${text}"`), text],
);

/** A metric's key as a line has it, with its quotes and its colon. */
interface WrittenKey {
  readonly bytes: Uint8Array;
  readonly key: string;
}

/** A time, and where it is written, the byte behind it included: another one may begin with its digits. */
interface WrittenTime {
  readonly start: number;
  readonly end: number;
  readonly value: number;
}

const NO_TIME: WrittenTime = { start: 0, end: 0, value: Number.NaN };

/** Reads lines one at a time and remembers their keys. */
export class RowReader {
  readonly #numbers = new NumberScanner();
  /** By their places in the row before. */
  readonly #keys: WrittenKey[] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** The one that was read last. */
  #timeBefore = NO_TIME;

  /** Where lines are read from until it is set again: whole lines, the last one's end included. */
  set bytes(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#timeBefore = NO_TIME;
  }

  /**
   * The record whose line starts at byte `start`, what `parseRecord` makes of it. Undefined where the line is not, to the
   * last byte, as the log writes a step, or a row with a step and no series, whose keys are ASCII without quotes and
   * backslashes.
   */
  read(start: number): StepRecord | LogRecord | undefined {
    this.#at = start;
    if (!this.#takes(SEQ)) return undefined;
    const seq = this.#count();
    if (!this.#takes(TIME)) return undefined;
    const time = this.#time();
    const isStep = this.#takes(STEP_KIND);
    const n = isStep ? this.#count() : 0;
    if ((!isStep && !this.#takes(LOG_KIND)) || !this.#takes(STEP)) return undefined;
    const step = this.#count();
    if (Number.isNaN(seq + time + n + step) || !this.#takes(METRICS)) return undefined;
    const metrics = this.#metrics();
    if (metrics === undefined) return undefined;
    const v = RECORD_VERSION;
    return isStep ? { v, seq, time, kind: 'step', n, step, metrics } : { v, seq, time, kind: 'log', step, metrics };
  }

  /** Rows of a flood have the time of the row before, which need not be read again. */
  #time(): number {
    const { start, end, value } = this.#timeBefore;
    const at = this.#at;
    let index = start;
    while (index < end && this.#bytes[index] === this.#bytes[at + index - start]) index += 1;
    if (start < end && index === end) {
      this.#at = at + end - start - 1;
      return value;
    }
    const time = this.#number();
    this.#timeBefore = { start: at, end: this.#at + 1, value: time };
    return time;
  }

  /** Members up to the line's end. */
  #metrics(): ScalarMap | undefined {
    const metrics: Record<string, Scalar> = {};
    for (let place = 0; ; place += 1) {
      const key = this.#key(place);
      if (key === undefined) return undefined;
      const value = this.#scalar();
      if (value === undefined) return undefined;
      metrics[key] = value;
      if (this.#takes(ROW_END)) return metrics;
      if (byteAt(this.#bytes, this.#at) !== COMMA) return undefined;
      this.#at += 1;
    }
  }

  #key(place: number): string | undefined {
    const known = this.#keys[place];
    if (known !== undefined && this.#takes(known.bytes)) return known.key;
    const written = this.#writtenKey();
    if (written === undefined) return undefined;
    this.#keys[place] = written;
    this.#at += written.bytes.length;
    return written.key;
  }

  #writtenKey(): WrittenKey | undefined {
    const start = this.#at;
    if (byteAt(this.#bytes, start) !== QUOTE) return undefined;
    let key = '';
    let at = start + 1;
    for (let byte = byteAt(this.#bytes, at); byte !== QUOTE; byte = byteAt(this.#bytes, at)) {
      if (byte < FIRST_PRINTABLE || byte > LAST_ASCII || byte === BACKSLASH) return undefined;
      key += String.fromCodePoint(byte);
      at += 1;
    }
    // Setting it would set the object's prototype.
    if (key === '__proto__' || byteAt(this.#bytes, at + 1) !== COLON) return undefined;
    return { key, bytes: utf8(`"${key}":`) };
  }

  #scalar(): Scalar | undefined {
    if (byteAt(this.#bytes, this.#at) === QUOTE) return NON_FINITE.find(([bytes]) => this.#takes(bytes))?.[1];
    const number = this.#number();
    return Number.isNaN(number) ? undefined : number;
  }

  /** NaN where there is none. */
  #number(): number {
    const number = this.#numbers.read(this.#bytes, this.#at);
    this.#at = this.#numbers.end;
    return number;
  }

  /** An integer from 0 of at most fifteen digits; NaN where there is none. */
  #count(): number {
    const start = this.#at;
    let count = 0;
    let digit = byteAt(this.#bytes, start) - ZERO;
    for (; digit >= 0 && digit <= 9; digit = byteAt(this.#bytes, this.#at) - ZERO) {
      count = count * 10 + digit;
      this.#at += 1;
    }
    const digits = this.#at - start;
    const isCount = digits > 0 && digits <= MAX_COUNT_DIGITS && (digits === 1 || byteAt(this.#bytes, start) !== ZERO);
    return isCount ? count : Number.NaN;
  }

  /** Goes on behind `piece` where that is what comes next. */
  #takes(piece: Uint8Array): boolean {
    const at = this.#at;
    for (let index = 0; index < piece.length; index += 1) if (piece[index] !== this.#bytes[at + index]) return false;
    this.#at = at + piece.length;
    return true;
  }
}
