/** From values to pixels, with ticks as a reader expects them. */

import { scaleLinear, scaleLog } from 'd3-scale';

/** A tick's text: `1.5` or, with an exponent, `2×10` and `−4` above. */
export interface TickLabel {
  readonly text: string;
  readonly exponent: string;
}

interface Tick {
  /** In pixels. */
  readonly at: number;
  /** Undefined where the tick bears none. */
  readonly label: TickLabel | undefined;
}

export interface Axis {
  /** In pixels, NaN where the axis has no such place: values that are not finite, and on a logarithmic one from 0 down. */
  place(value: number): number;
  readonly ticks: readonly Tick[];
}

/** Up to these, numbers are written out. */
const LARGE = 100_000;
const SMALL = 0.001;
/** Room above and below the curves, as a share of theirs. */
const PADDING = 0.04;
/** Logarithmic axes within these have plain numbers. */
const LEAST_PLAIN = 0.01;
const GREATEST_PLAIN = 1000;
/** From so many decades on, only powers of ten bear labels. */
const MANY_DECADES = 1.5;
/** What one of fewer may bear. */
const LABELLED_DIGITS = [1, 2, 5];

/** Of steps: from the first to the last, with ticks at whole ones. */
export function stepAxis(first: number, last: number, pixels: readonly [number, number], ticks: number): Axis {
  const scale = scaleLinear()
    .domain(first === last ? [first - 1, last + 1] : [first, last])
    .range(pixels);
  const format = scale.tickFormat(ticks, Math.max(Math.abs(first), Math.abs(last)) >= LARGE / 10 ? '~s' : ',d');
  const places = scale.ticks(ticks).filter((step) => Number.isInteger(step));
  return {
    place: scale,
    ticks: places.map((step) => ({ at: scale(step), label: plain(step === 0 ? '0' : format(step)) })),
  };
}

/** Of values from the least to the greatest, and a little room. */
export function linearAxis(least: number, greatest: number, pixels: readonly [number, number], ticks: number): Axis {
  const room = (greatest - least) * PADDING || Math.abs(least) * PADDING || 1;
  const scale = scaleLinear()
    .domain([least - room, greatest + room])
    .range(pixels);
  const largest = Math.max(Math.abs(least), Math.abs(greatest));
  const format = scale.tickFormat(ticks, largest >= LARGE ? '~s' : undefined);
  const label = (value: number): TickLabel => {
    if (value === 0) return plain('0');
    return largest < SMALL ? scientific(scale.tickFormat(ticks, '~e')(value)) : plain(format(value));
  };
  return {
    place: scale,
    ticks: scale.ticks(ticks).map((value) => ({ at: scale(value), label: label(value) })),
  };
}

/** Of positive values from the least to the greatest, logarithmic. */
export function logAxis(least: number, greatest: number, pixels: readonly [number, number]): Axis {
  const decades = Math.log10(greatest / least);
  const room = 10 ** (Math.max(decades, 0.1) * PADDING);
  const scale = scaleLog()
    .domain([least / room, greatest * room])
    .range(pixels);
  // One way for all labels of an axis.
  const isScientific = least < LEAST_PLAIN || greatest > GREATEST_PLAIN;
  const label = (value: number): TickLabel | undefined => {
    const exponent = Math.floor(Math.log10(value) + 1e-9);
    const digit = Math.round(value / 10 ** exponent);
    if (!(decades < MANY_DECADES ? LABELLED_DIGITS : [1]).includes(digit)) return undefined;
    return isScientific ? scientific(`${digit}e${exponent}`) : plain(String(Number(value.toPrecision(1))));
  };
  return {
    place: (value) => (value > 0 ? scale(value) : NaN),
    ticks: scale.ticks().map((value) => ({ at: scale(value), label: label(value) })),
  };
}

function plain(text: string): TickLabel {
  return { text, exponent: '' };
}

/** `1e-4` is 10 to the −4, `2e3` 2×10 to the 3. */
function scientific(text: string): TickLabel {
  const [mantissa = '', exponent = ''] = text.split('e');
  return {
    text: /^−?1$/u.test(mantissa) ? mantissa.replace('1', '10') : `${mantissa}×10`,
    exponent: exponent.replace('+', '').replace('-', '−'),
  };
}
