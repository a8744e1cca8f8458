/**
 * A bar chart as an SVG, one bar a line so that names have room. TensorBoard has no page for bar charts: it shows the
 * picture.
 */

import { fromScalar, type ScalarMap } from '@runcast/core';

/** Pixels. */
const WIDTH = 720;
const MARGIN = 12;
const TITLE_HEIGHT = 34;
const LINE_HEIGHT = 22;
const BAR_HEIGHT = 14;
const FONT_SIZE = 12;
/** Characters of the font that are wider than digits; the widths are in pixels at {@link FONT_SIZE}, and round up. */
const WIDEST = /[mwMW@%…—]/u;
const WIDE = /[^\u{20}-\u{3F}a-z]/u;
const CHARACTER_WIDTHS = { widest: 12, wide: 10, others: 7.7 } as const;
/** For the number beside a bar. */
const VALUE_WIDTH = 84;

/** A picture of more lines could not be read where it is shown. */
const MAX_BARS = 60;
const MAX_NAME = 32;
const MAX_TITLE = 80;

/** Seaborn's deep palette: told apart also by those who see no red and green. */
const POSITIVE = '#4c72b0';
const NEGATIVE = '#dd8452';

/** What XML 1.0 has no way to write, and what has no picture. */
const NOT_XML = /[\p{Cc}\u{FFFE}\u{FFFF}]/gu;

interface Bar {
  readonly name: string;
  readonly value: number;
}

/**
 * Bars in the order of `bars`, the first {@link MAX_BARS} of them, with names cut to what has room. NaN and the infinities
 * have their name and no bar.
 */
export function barChartSvg(title: string, bars: ScalarMap): string {
  const all = Object.entries(bars).map(([name, value]): Bar => ({
    name: cut(name, MAX_NAME),
    value: fromScalar(value),
  }));
  const shown = all.slice(0, MAX_BARS);
  const left = MARGIN * 2 + Math.max(0, ...shown.map(({ name }) => textWidth(name)));
  const lines = shown.length + (all.length > MAX_BARS ? 1 : 0);
  const height = TITLE_HEIGHT + lines * LINE_HEIGHT + MARGIN;
  const place = placeBars(shown, left);
  const axis = `<line x1="${place.zero}" x2="${place.zero}" y1="${TITLE_HEIGHT}" y2="${height - MARGIN}" stroke="#888"/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-size="${FONT_SIZE}" fill="#222">`,
    `<text x="${MARGIN}" y="22" font-size="14" font-weight="bold">${xml(cut(title, MAX_TITLE))}</text>`,
    ...shown.map((bar, line) => drawnBar(bar, place, left, TITLE_HEIGHT + line * LINE_HEIGHT)),
    axis,
    ...(lines > shown.length ? [rest(all.length - shown.length, height)] : []),
    '</svg>',
  ].join('\n');
}

/** Where values lie. */
interface Place {
  /** Pixels from the left to where bars begin. */
  readonly zero: number;
  /** Pixels that the greatest distance from zero takes. */
  readonly unit: number;
  /** That distance; 1 where there is none. */
  readonly greatest: number;
}

function placeBars(bars: readonly Bar[], left: number): Place {
  const values = bars.map(({ value }) => value).filter((value) => Number.isFinite(value));
  const greatest = Math.max(0, ...values.map((value) => Math.abs(value))) || 1;
  // In parts of the greatest: the distance between two numbers can be more than any number.
  const least = Math.min(0, ...values) / greatest;
  const most = Math.max(0, ...values) / greatest;
  const from = left + (least < 0 ? VALUE_WIDTH : 0);
  const unit = (WIDTH - VALUE_WIDTH - MARGIN - from) / Math.max(most - least, Number.EPSILON);
  return { zero: rounded(from - least * unit), unit, greatest };
}

function drawnBar({ name, value }: Bar, place: Place, left: number, top: number): string {
  const length = Number.isFinite(value) ? (value / place.greatest) * place.unit : 0;
  const x = place.zero + Math.min(0, length);
  const baseline = rounded(top + BAR_HEIGHT - 2);
  const label = value < 0 ? `x="${rounded(x - 5)}" text-anchor="end"` : `x="${rounded(x + length + 5)}"`;
  const fill = value < 0 ? NEGATIVE : POSITIVE;
  return [
    `<text x="${rounded(left - MARGIN)}" y="${baseline}" text-anchor="end">${xml(name)}</text>`,
    `<rect x="${rounded(x)}" y="${top}" width="${rounded(Math.abs(length))}" height="${BAR_HEIGHT}" fill="${fill}"/>`,
    `<text ${label} y="${baseline}">${Number.isFinite(value) ? Number(value.toPrecision(5)) : value}</text>`,
  ].join('');
}

function rest(count: number, height: number): string {
  return `<text x="${MARGIN}" y="${height - MARGIN - 6}" fill="#666">… and ${count} more</text>`;
}

/** At most: the renderer knows better, but only when it is too late. */
function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (WIDEST.test(character)) width += CHARACTER_WIDTHS.widest;
    else width += WIDE.test(character) ? CHARACTER_WIDTHS.wide : CHARACTER_WIDTHS.others;
  }
  return width;
}

function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function cut(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : text;
}

function xml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\s/gu, ' ')
    .replaceAll(NOT_XML, '\u{FFFD}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
