/** Everything a store has of one run. */

import type { JsonValue, Scalar } from '@runcast/core';
import { configValues, type Store, type StoredRun } from '@runcast/store';
import type { CliContext } from './command.ts';
import { writeJson } from './json-output.ts';
import { STATUS_COLOURS } from './ls-command.ts';
import { formatCount, formatDuration, formatTime } from './quantities.ts';
import { runJson, valueText } from './query-runs.ts';
import { styleFor } from './terminal-style.ts';
import { textTable } from './text-table.ts';

/** A metric on one axis. */
interface MetricOverview {
  readonly key: string;
  readonly axis: string | undefined;
  readonly values: number;
  readonly lastStep: number | undefined;
  readonly last: Scalar;
}

export async function showRun(
  store: Store,
  run: StoredRun,
  asJson: boolean,
  { stdout, env }: CliContext,
): Promise<void> {
  const metrics = await readMetrics(store, run.id);
  if (asJson) {
    writeJson(stdout, { store: store.address, ...runJson(run), metrics: metrics.map((metric) => metricJson(metric)) });
    return;
  }
  const style = styleFor(stdout, env);
  const title = (text: string): string => style('bold', text);
  const header = ['METRIC', 'AXIS', 'VALUES', 'LAST STEP', 'LAST'].map((text) => style('dim', text));
  const sections = [
    textTable([
      [title(run.id), style(STATUS_COLOURS[run.status], run.status)],
      ...factsOf(run).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ]),
    section(title('configuration'), configValues(run.config)),
    section(title('summary'), Object.entries(run.summary)),
    metrics.length === 0 ? '' : textTable([header, ...metrics.map((metric) => metricRow(metric))]),
  ];
  stdout.write(sections.filter((text) => text !== '').join('\n'));
}

function factsOf(run: StoredRun): readonly (readonly [string, string | undefined])[] {
  const { git, endedAt } = run;
  const given = (value: string | undefined): string | undefined => (value === undefined ? undefined : valueText(value));
  const commit = [git?.branch, git?.commit.slice(0, 12), git?.dirty === true ? '(changed)' : undefined, git?.message];
  return [
    ['project', given(run.project)],
    ['name', given(run.name)],
    ['group', given(run.group)],
    ['job type', given(run.jobType)],
    ['entity', given(run.entity)],
    ['tags', run.tags.length === 0 ? undefined : valueText(run.tags)],
    ['notes', given(run.notes)],
    ['started', `${formatTime(run.startedAt)} UTC`],
    ['ended', endedAt === undefined ? undefined : `${formatTime(endedAt)} UTC`],
    ['heard of', endedAt === undefined ? `${formatTime(run.heartbeatAt)} UTC` : undefined],
    ['duration', formatDuration(run.durationSecs)],
    ['steps', formatCount(run.totalSteps)],
    ['host', given(run.host)],
    ['command', run.argv.length === 0 ? undefined : valueText(run.argv.join(' '))],
    ['git', git === undefined ? undefined : valueText(commit.filter((part) => part !== undefined).join(' '))],
  ];
}

function section(title: string, values: readonly (readonly [string, JsonValue])[]): string {
  if (values.length === 0) return '';
  return textTable([[title], ...values.map(([key, value]) => [`  ${key}`, valueText(value)])]);
}

function metricRow({ key, axis, values, lastStep, last }: MetricOverview): readonly string[] {
  return [key, axis ?? '-', formatCount(values), lastStep === undefined ? '-' : formatCount(lastStep), valueText(last)];
}

function metricJson({ key, axis, values, lastStep, last }: MetricOverview): object {
  return { key, axis: axis ?? null, values, last_step: lastStep ?? null, last };
}

async function readMetrics(store: Store, id: string): Promise<readonly MetricOverview[]> {
  const metrics = new Map<string, MetricOverview>();
  for await (const { axis, step, metrics: values } of store.history(id))
    for (const [key, last] of Object.entries(values)) {
      const place = JSON.stringify([axis, key]);
      const before = metrics.get(place)?.values ?? 0;
      metrics.set(place, { key, axis, values: before + 1, lastStep: step, last });
    }
  return [...metrics.values()];
}
