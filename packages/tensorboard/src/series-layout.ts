/**
 * Which charts TensorBoard's Custom Scalars page has: for each metric of a group of series one, with a line for each of its
 * stages. `training/operator` and `training/decoder` are stages of `training`; their `loss` is one chart. A chart's tags are
 * an expression, so that a stage that comes later is in it from its first point on, and the layout is written again only
 * where a metric is new.
 * https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/custom_scalar/layout.proto
 */

import type { JsonObject } from '@runcast/core';
import { bytesField, join } from './protobuf.ts';
import { layoutValue } from './summary-value.ts';

/** Layouts grow with their charts, and one is written for each. */
export const MAX_CHARTS = 200;

export interface Chart extends JsonObject {
  /** The chart's category: series up to their last part. */
  readonly group: string;
  readonly metric: string;
  /** Whether the group has stages; a series whose name has one part is all of its group. */
  readonly staged: boolean;
}

/** The chart that the metric `key` of a series is in; `key` begins with the series. */
export function chartOf(series: string, key: string): Chart {
  const slash = series.lastIndexOf('/');
  const metric = key.slice(series.length + 1);
  return slash > 0 ? { group: series.slice(0, slash), metric, staged: true } : { group: series, metric, staged: false };
}

/** Tells charts apart, whatever their names hold. */
export function chartId({ group, metric, staged }: Chart): string {
  return `${group.length} ${group}/${metric} ${staged}`;
}

/** Event.summary with the layout of a run; readers take the last one. */
export function chartLayout(charts: Iterable<Chart>): Uint8Array {
  const categories = Map.groupBy(charts, ({ group }) => group);
  return layoutValue(join(...[...categories].map(([group, found]) => bytesField(2, category(group, found)))));
}

function category(title: string, charts: readonly Chart[]): Uint8Array {
  return join(bytesField(1, title), ...charts.map((chart) => bytesField(2, encodedChart(chart))));
}

function encodedChart(chart: Chart): Uint8Array {
  return join(bytesField(1, chart.metric), bytesField(2, bytesField(1, tagExpression(chart))));
}

/** A Python expression, which TensorBoard matches with the beginning of a tag. */
function tagExpression({ group, metric, staged }: Chart): string {
  return `${escaped(group)}/${staged ? '[^/]+/' : ''}${escaped(metric)}$`;
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/gu, String.raw`\$&`);
}

/** A defined metric, which says that keys are of a series although they are logged without its name. */
export interface DefinedSeries extends JsonObject {
  /** The series; its keys begin with it. */
  readonly series: string;
  /** The one key that is meant; null where all are. */
  readonly key: string | null;
}

/** What `defineMetric` says of series: undefined where the metric has no step of its own or is no `<series>/<metric>`. */
export function definedSeries(metric: string, step: string | undefined): DefinedSeries | undefined {
  const slash = metric.lastIndexOf('/');
  if (step === undefined || slash <= 0) return undefined;
  return { series: metric.slice(0, slash), key: metric.endsWith('/*') ? null : metric };
}

/** The series of a key, of those that were defined; undefined where it is in none, or is a series' own step. */
export function seriesOf(key: string, defined: readonly DefinedSeries[]): string | undefined {
  const found = defined.find((definition) =>
    definition.key === null
      ? key.startsWith(`${definition.series}/`) && key !== `${definition.series}/step`
      : definition.key === key,
  );
  return found?.series;
}
