/** The few elements that a figure is made of. */

import { escapeXml } from './svg-text.ts';

/** Where a text stands: its base line at `y`, its start, middle or end at `x`. */
export interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
  /** More of the element's, such as `fill="#4d4d4d"`. */
  readonly attributes?: string;
}

export function svgText(text: string, place: TextPlace): string {
  return svgTextOf(escapeXml(text), place);
}

/** A text of elements and escaped text. */
export function svgTextOf(content: string, { x, y, anchor, attributes }: TextPlace): string {
  const more = attributes === undefined ? '' : ` ${attributes}`;
  return `<text x="${pixels(x)}" y="${pixels(y)}" text-anchor="${anchor}"${more}>${content}</text>\n`;
}

/** To two decimals: no more is seen, and no machine rounds them otherwise. */
export function pixels(value: number): string {
  return String(Math.round(value * 100) / 100);
}
