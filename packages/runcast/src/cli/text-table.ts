/** Rows of text in columns, for terminals and for Markdown. */

import { stripVTControlCharacters } from 'node:util';

/** Columns as wide as their widest cell, two blanks apart, no blanks at the ends of lines. Cells may hold colours. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, shownWidth(cell));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - shownWidth(cell))))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

/** A table of GitHub's Markdown. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => markdownLine(cells)).join('');
}

function markdownLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |\n`;
}

function shownWidth(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
