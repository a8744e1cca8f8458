/**
 * Tables as Markdown, which TensorBoard's text page draws: it has no page for tables, nor for bar charts.
 */

import type { JsonValue, ScalarMap } from '@runcast/core';

/** What Markdown would take for markup, as far as TensorBoard's renderer lets a backslash take it back. */
const MARKUP = /[\\`*_{}[\]()#+\-.!|>]/gu;

/** A table of one line a row. Cells hold text as it is; what is not a scalar is written as JSON. Empty without columns. */
export function markdownTable(columns: readonly string[], rows: readonly (readonly JsonValue[])[]): string {
  if (columns.length === 0) return '';
  return [columns, columns.map(() => '---'), ...rows.map((row) => row.map((cell) => cellText(cell)))]
    .map((cells, index) => line(index === 0 ? cells.map((cell) => escaped(cell)) : cells))
    .join('\n');
}

/** A table of names and values. */
export function markdownBars(bars: ScalarMap): string {
  return markdownTable(['bar', 'value'], Object.entries(bars));
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function cellText(cell: JsonValue): string {
  if (typeof cell === 'string') return escaped(cell);
  return cell === null ? '' : escaped(JSON.stringify(cell));
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll(MARKUP, String.raw`\$&`)
    .replaceAll(/\s*[\r\n]+\s*/gu, ' ');
}
