/**
 * Curves as a figure: an SVG document that needs no browser to be made, reads well in print and by the colour-blind, and is
 * the same to the byte for the same curves.
 */

import type { AveragedPoint } from './average.ts';
import { drawLegend } from './plot-legend.ts';
import { BELOW_PANEL, drawPanel, type PanelSize } from './plot-panel.ts';
import { FONTS, FONT_SIZE, GAP, INK, strokeAt } from './plot-style.ts';
import { pixels, svgText } from './svg-element.ts';
import { escapeXml, fitted } from './svg-text.ts';

/** A line with its band. */
export interface PlotGroup {
  /** For the legend. The same label has the same colour in every panel. */
  readonly label: string;
  /** In the order of their steps. */
  readonly points: readonly AveragedPoint[];
}

/** One pair of axes. */
export interface PlotPanel {
  /** What the values are. */
  readonly label: string;
  /** What the steps count; `step` where left out. */
  readonly xLabel?: string;
  readonly groups: readonly PlotGroup[];
}

export interface PlotOptions {
  /** Above the figure; none where left out. */
  readonly title?: string;
  /** Values on a logarithmic axis, where what is not positive is a gap. */
  readonly log?: boolean;
}

const TITLE_SIZE = 15;
const MARGIN = 16;
/** Beside the axes: room for half of the last tick's label. */
const RIGHT_OF_PANEL = 16;
const PANEL_GAP = 16;
/** The axes of one panel alone, and of each of several. */
const SINGLE: PanelSize = { width: 560, height: 340 };
const SEVERAL: PanelSize = { width: 400, height: 250 };

/**
 * An SVG document with a panel for each of `panels`, up to three in a row, a line for each group, the band of its spread, and
 * one legend for all. Lines have gaps where a value is not finite. Labels may hold anything; what is too long is cut.
 */
export function plotCurves(panels: readonly PlotPanel[], options: PlotOptions = {}): string {
  const { title = '', log = false } = options;
  const labels = [...new Set(panels.flatMap(({ groups }) => groups.map(({ label }) => label)))];
  const size = panels.length > 1 ? SEVERAL : SINGLE;
  const drawn = panels.map(({ label, xLabel = 'step', groups }) => {
    const curves = groups.map((group) => ({ stroke: strokeAt(labels.indexOf(group.label)), points: group.points }));
    return drawPanel({ label, xLabel, log, curves }, size);
  });
  const columns = panels.length > 4 ? 3 : Math.max(1, Math.min(2, panels.length));
  const left = Math.max(0, ...drawn.map((panel) => panel.left));
  const [cellWidth, cellHeight] = [left + size.width + RIGHT_OF_PANEL, size.height + BELOW_PANEL];
  const width = 2 * MARGIN + columns * cellWidth + (columns - 1) * PANEL_GAP;
  const top = MARGIN + (title === '' ? 0 : TITLE_SIZE + 2 * GAP);
  const figures = drawn.map(({ svg }, index) => {
    const x = MARGIN + left + (index % columns) * (cellWidth + PANEL_GAP);
    const y = top + Math.floor(index / columns) * (cellHeight + PANEL_GAP);
    return moved(svg, x, y);
  });
  const rows = Math.ceil(panels.length / columns);
  const bottom = top + rows * (cellHeight + PANEL_GAP) - PANEL_GAP + GAP;
  const legend = drawLegend(
    labels.map((label, index) => ({ label, stroke: strokeAt(index), hasBand: hasBand(label, panels) })),
    width - 2 * MARGIN,
  );
  const height = bottom + legend.height + MARGIN;
  const name = title === '' ? panels.map(({ label }) => label).join(', ') : title;
  const [w, h] = [pixels(width), pixels(height)];
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" role="img" font-family="${FONTS}" font-size="${FONT_SIZE}" fill="${INK}">
<title>${escapeXml(name)}</title>
<rect width="${w}" height="${h}" fill="#ffffff"/>
${drawTitle(title, width)}${figures.join('')}${moved(legend.svg, MARGIN, bottom)}</svg>
`;
}

function moved(svg: string, x: number, y: number): string {
  return svg === '' ? '' : `<g transform="translate(${pixels(x)} ${pixels(y)})">\n${svg}</g>\n`;
}

function drawTitle(title: string, width: number): string {
  if (title === '') return '';
  return svgText(fitted(title, TITLE_SIZE, width - 2 * MARGIN), {
    x: width / 2,
    y: MARGIN + TITLE_SIZE - 2,
    anchor: 'middle',
    attributes: `font-size="${TITLE_SIZE}" font-weight="bold"`,
  });
}

function hasBand(label: string, panels: readonly PlotPanel[]): boolean {
  return panels.some(({ groups }) =>
    groups.some((group) => group.label === label && group.points.some(({ lower }) => Number.isFinite(lower))),
  );
}
