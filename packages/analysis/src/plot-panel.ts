/** One pair of axes with its curves and bands. */

import { area, line } from 'd3-shape';
import type { AveragedPoint } from './average.ts';
import { linearAxis, logAxis, stepAxis, type Axis, type TickLabel } from './plot-axis.ts';
import { AXIS_INK, FONT_SIZE, GAP, GRID_INK, type Stroke } from './plot-style.ts';
import { pixels, svgText, svgTextOf, type TextPlace } from './svg-element.ts';
import { escapeXml, fitted, textWidth } from './svg-text.ts';
import { stretches, thinBand, thinLine, type PlacedBand, type PlacedPoint } from './thin-curve.ts';

const TICK_LENGTH = 4;
const EXPONENT_SIZE = 9;
/** Room for each tick. */
const X_TICK_ROOM = 95;
const Y_TICK_ROOM = 45;
/** What a band may add below a curve on a logarithmic axis: a mean less its deviation is often next to nothing. */
const LOG_BAND_FACTOR = 10;

/** What a panel needs below its axes. */
export const BELOW_PANEL: number = TICK_LENGTH + GAP + FONT_SIZE + GAP + FONT_SIZE + GAP;

/** In pixels, of the axes alone. */
export interface PanelSize {
  readonly width: number;
  readonly height: number;
}

export interface PanelCurves {
  readonly label: string;
  readonly xLabel: string;
  readonly log: boolean;
  readonly curves: readonly { readonly stroke: Stroke; readonly points: readonly AveragedPoint[] }[];
}

/** A panel whose upper left corner of the axes is the origin. */
export interface DrawnPanel {
  readonly svg: string;
  /** Pixels that it takes to the left of that. */
  readonly left: number;
}

interface Frame {
  readonly x: Axis;
  readonly y: Axis;
  readonly size: PanelSize;
}

export function drawPanel(panel: PanelCurves, size: PanelSize): DrawnPanel {
  const frame = frameOf(panel, size);
  const widths = frame?.y.ticks.map(({ label }) => (label === undefined ? 0 : labelWidth(label))) ?? [];
  const left = FONT_SIZE + GAP + Math.max(0, ...widths) + GAP + TICK_LENGTH;
  const content = frame === undefined ? drawNothing(size) : drawFrame(panel, frame);
  return { svg: `${content}${drawLabels(panel, size, left)}`, left };
}

/** Undefined where there is nothing to be seen. */
function frameOf({ curves, log }: PanelCurves, size: PanelSize): Frame | undefined {
  const points = curves.flatMap((curve) => curve.points);
  const values = valueRange(points, log);
  const steps = rangeOf(points.map(({ step }) => step));
  if (values === undefined || steps === undefined) return undefined;
  const upwards = [size.height, 0] as const;
  return {
    x: stepAxis(...steps, [0, size.width], Math.floor(size.width / X_TICK_ROOM)),
    y: log ? logAxis(...values, upwards) : linearAxis(...values, upwards, Math.floor(size.height / Y_TICK_ROOM)),
    size,
  };
}

/** From the least to the greatest that is to be seen. */
function valueRange(points: readonly AveragedPoint[], log: boolean): readonly [number, number] | undefined {
  const isShown = (value: number): boolean => Number.isFinite(value) && (!log || value > 0);
  const shown = points.filter(({ value }) => isShown(value));
  const values = rangeOf(shown.map(({ value }) => value));
  if (values === undefined) return undefined;
  const least = log ? values[0] / LOG_BAND_FACTOR : -Infinity;
  const bands = shown.flatMap(({ lower, upper }) => [lower, upper]);
  return rangeOf([...values, ...bands.filter((value) => isShown(value) && value >= least)]);
}

function rangeOf(values: readonly number[]): readonly [number, number] | undefined {
  if (values.length === 0) return undefined;
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return [least, greatest];
}

function drawNothing(size: PanelSize): string {
  const middle = { x: size.width / 2, y: size.height / 2, anchor: 'middle', attributes: `fill="${AXIS_INK}"` } as const;
  return `${axisPath([axisLines(size)])}${svgText('no finite values', middle)}`;
}

/** The bands before all lines, so that none is behind the band of another. */
function drawFrame({ curves }: PanelCurves, frame: Frame): string {
  const bands = curves.map(({ points, stroke }) => pathElement(bandPath(points, frame), stroke.band));
  const lines = curves.map(({ points, stroke }) => pathElement(linePath(points, frame), stroke.line));
  return [drawGrid(frame), ...bands, ...lines, drawAxes(frame)].join('');
}

function pathElement(path: string, attributes: string): string {
  return path === '' ? '' : `<path d="${path}" ${attributes}/>\n`;
}

function linePath(points: readonly AveragedPoint[], { x, y }: Frame): string {
  const placed = points.map(({ step, value }) => {
    const point = { x: x.place(step), y: y.place(value) };
    return Number.isFinite(point.y) ? point : undefined;
  });
  const path = line<PlacedPoint>(
    (point) => point.x,
    (point) => point.y,
  ).digits(2);
  // A point between two gaps is a line of no length, which its round ends make a dot.
  return stretches(placed)
    .map((stretch) => path([...thinLine(stretch)]))
    .join('');
}

function bandPath(points: readonly AveragedPoint[], { x, y, size }: Frame): string {
  const placed = points.map(({ step, lower, upper }) => {
    const [from, to] = [y.place(upper), y.place(lower)];
    if (!Number.isFinite(from) || Number.isNaN(lower)) return undefined;
    // What is too low for a logarithmic axis is below the figure.
    return { x: x.place(step), from, to: Number.isFinite(to) ? Math.min(size.height, to) : size.height };
  });
  const path = area<PlacedBand>(
    (band) => band.x,
    (band) => band.from,
    (band) => band.to,
  ).digits(2);
  return stretches(placed)
    .filter(({ length }) => length > 1)
    .map((stretch) => path([...thinBand(stretch)]))
    .join('');
}

function drawGrid({ y, size }: Frame): string {
  const labelled = y.ticks.filter(({ label }) => label !== undefined);
  const path = labelled.map(({ at }) => `M0,${pixels(at)}H${pixels(size.width)}`).join('');
  return pathElement(path, `stroke="${GRID_INK}"`);
}

function drawAxes({ x, y, size }: Frame): string {
  const marks = [
    ...x.ticks.map(({ at }) => `M${pixels(at)},${pixels(size.height)}v${TICK_LENGTH}`),
    ...y.ticks.map(({ at, label }) => `M0,${pixels(at)}h${label === undefined ? -TICK_LENGTH / 2 : -TICK_LENGTH}`),
  ];
  const below = size.height + TICK_LENGTH + GAP + FONT_SIZE - 3;
  const labels = [
    ...x.ticks.map(({ at, label }) => tickText(label, { x: at, y: below, anchor: 'middle' })),
    ...y.ticks.map(({ at, label }) =>
      tickText(label, { x: 1 - TICK_LENGTH - GAP, y: at + FONT_SIZE / 3, anchor: 'end' }),
    ),
  ];
  return `${axisPath([axisLines(size), ...marks])}${labels.join('')}`;
}

function axisLines({ width, height }: PanelSize): string {
  return `M0,0V${pixels(height)}H${pixels(width)}`;
}

function axisPath(parts: readonly string[]): string {
  return pathElement(parts.join(''), `fill="none" stroke="${AXIS_INK}"`);
}

function tickText(label: TickLabel | undefined, place: TextPlace): string {
  if (label === undefined) return '';
  const { text, exponent } = label;
  // Raised by a shift of the base line, which every renderer knows.
  const raised = `<tspan dy="-5" font-size="${EXPONENT_SIZE}">${escapeXml(exponent)}</tspan>`;
  return svgTextOf(`${escapeXml(text)}${exponent === '' ? '' : raised}`, place);
}

function labelWidth({ text, exponent }: TickLabel): number {
  return textWidth(text, FONT_SIZE) + textWidth(exponent, EXPONENT_SIZE);
}

function drawLabels({ label, xLabel, log }: PanelCurves, { width, height }: PanelSize, left: number): string {
  const [x, y] = [FONT_SIZE - left - 2, height / 2];
  const below = svgText(fitted(xLabel, FONT_SIZE, width), {
    x: width / 2,
    y: height + BELOW_PANEL - GAP - 2,
    anchor: 'middle',
  });
  const beside = svgText(fitted(log ? `${label} (log scale)` : label, FONT_SIZE, height), {
    x,
    y,
    anchor: 'middle',
    attributes: `transform="rotate(-90 ${pixels(x)} ${pixels(y)})"`,
  });
  return `${below}${beside}`;
}
