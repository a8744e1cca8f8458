/** Which line is which, below all panels. */

import { FONT_SIZE, GAP, type Stroke } from './plot-style.ts';
import { pixels, svgText } from './svg-element.ts';
import { fitted, textWidth } from './svg-text.ts';

const SAMPLE_WIDTH = 26;
const SAMPLE_HEIGHT = 10;
const ROW_HEIGHT = 20;
const ENTRY_GAP = 20;

export interface LegendEntry {
  readonly label: string;
  readonly stroke: Stroke;
  readonly hasBand: boolean;
}

export interface Legend {
  readonly svg: string;
  readonly height: number;
}

interface PlacedEntry extends LegendEntry {
  readonly width: number;
}

/** Samples and labels in as many rows as it takes, each in the middle of `room` pixels. */
export function drawLegend(entries: readonly LegendEntry[], room: number): Legend {
  const rows: PlacedEntry[][] = [];
  let used = Infinity;
  for (const entry of entries) {
    const label = fitted(entry.label, FONT_SIZE, room - SAMPLE_WIDTH - GAP);
    const width = SAMPLE_WIDTH + GAP + textWidth(label, FONT_SIZE);
    used += ENTRY_GAP + width;
    if (used > room) {
      rows.push([]);
      used = width;
    }
    rows.at(-1)?.push({ ...entry, label, width });
  }
  const svg = rows.map((row, index) => drawRow(row, room, (index + 0.5) * ROW_HEIGHT));
  return { svg: svg.join(''), height: rows.length * ROW_HEIGHT };
}

function drawRow(row: readonly PlacedEntry[], room: number, y: number): string {
  const width = row.reduce((sum, entry) => sum + entry.width, (row.length - 1) * ENTRY_GAP);
  let x = (room - width) / 2;
  const drawn = row.map((entry) => {
    const at = x;
    x += entry.width + ENTRY_GAP;
    return drawEntry(entry, at, y);
  });
  return drawn.join('');
}

function drawEntry({ label, stroke, hasBand }: PlacedEntry, x: number, y: number): string {
  const band = `<rect x="${pixels(x)}" y="${pixels(y - SAMPLE_HEIGHT / 2)}" width="${SAMPLE_WIDTH}" height="${SAMPLE_HEIGHT}" ${stroke.band}/>\n`;
  const sample = `<path d="M${pixels(x)},${pixels(y)}h${SAMPLE_WIDTH}" ${stroke.line}/>\n`;
  // A third of the size is about half the height of a small letter.
  const place = { x: x + SAMPLE_WIDTH + GAP, y: y + FONT_SIZE / 3, anchor: 'start' } as const;
  return `${hasBand ? band : ''}${sample}${svgText(label, place)}`;
}
