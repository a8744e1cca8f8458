/**
 * Records as flat rows, for `pandas.read_json(path, lines=True)` and jq: every value a reader wants to plot or filter by is
 * a column of its own, and a column means the same in every row.
 *
 * Columns come in a fixed order: `kind`, `time`, `writer`, `seq`; then `n`, `step`, `epoch` and the kind's own; then
 * metrics by their canonical keys. Nested objects are flattened with `/` below the member's name (`config/model/width`),
 * arrays stay JSON arrays, and non-finite numbers stay the strings of the record format.
 */

import {
  type ImageRecord,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type OpenRecord,
  type RunRecord,
  type Scalar,
  type ScalarMap,
  scalarText,
  splitStepLine,
} from '@runcast/core';

/** Columns that stand beside metrics in a row. A metric of such a name goes to `metrics/<name>`. */
const RESERVED_COLUMNS: ReadonlySet<string> = new Set([
  'kind',
  'time',
  'writer',
  'seq',
  'n',
  'step',
  'epoch',
  'series',
  'total_steps',
]);

/**
 * One record as one JSON object on one line, without the line's end.
 *
 * @param line The record as a line of a log. Of most steps, what the row says is copied from it, digit by digit.
 */
export function encodeRow(writer: string, record: RunRecord, line?: string): string {
  const texts = line === undefined || !hasPlainColumns(record) ? undefined : splitStepLine(line);
  if (texts !== undefined)
    return `{"kind":"step","time":${texts.time},"writer":${JSON.stringify(writer)},"seq":${texts.seq},"n":${texts.n},"step":${texts.step},${texts.metrics}}`;
  return `{"kind":"${record.kind}","time":${record.time},"writer":${JSON.stringify(writer)},"seq":${record.seq}${columnsOf(record)}}`;
}

/** True of a step whose metrics are all columns by their own names. */
function hasPlainColumns(record: RunRecord): boolean {
  return record.kind === 'step' && !Object.keys(record.metrics).some((key) => isReserved(key));
}

function columnsOf(record: RunRecord): string {
  switch (record.kind) {
    case 'open':
      return openColumns(record);
    case 'step':
      return `,"n":${record.n},"step":${record.step}${metricColumns(record.metrics)}`;
    case 'epoch':
    case 'validation':
      return `,"epoch":${record.epoch}${metricColumns(record.metrics)}`;
    case 'final':
      return column('total_steps', record.total_steps) + metricColumns(record.metrics);
    case 'log':
      return column('step', record.step) + column('series', record.series) + metricColumns(record.metrics);
    case 'system':
      return metricColumns(record.metrics);
    case 'hparams':
      return flatColumns('hparams', record.hparams);
    case 'config':
      return flatColumns('config', record.config);
    case 'summary':
      return flatColumns('summary', record.summary);
    case 'tags':
      return column('tags', record.tags);
    case 'define_metric':
      // Not `step`: that column is a number in every other row.
      return column('metric', record.metric) + column('step_metric', record.step) + column('summary', record.summary);
    case 'table':
      return (
        column('step', record.step) +
        column('key', record.key) +
        column('columns', record.columns) +
        column('rows', record.rows)
      );
    case 'bar_chart':
      return column('step', record.step) + column('key', record.key) + flatColumns('bars', record.bars);
    case 'histogram':
      return (
        column('step', record.step) +
        column('key', record.key) +
        column('edges', record.edges) +
        column('counts', record.counts) +
        column('non_finite', record.non_finite)
      );
    case 'image':
      return imageColumns(record);
    case 'text':
      return column('step', record.step) + column('key', record.key) + column('text', record.text);
    case 'file':
      return column('path', record.path) + column('blob', record.blob) + column('bytes', record.bytes);
    case 'artifact':
      return (
        column('name', record.name) +
        column('type', record.type) +
        column(
          'files',
          record.files.map(({ path, blob, bytes }) => ({ path, blob, bytes })),
        ) +
        column('aliases', record.aliases) +
        flatColumns('metadata', record.metadata)
      );
    case 'alert':
      return column('title', record.title) + column('text', record.text) + column('level', record.level);
    case 'close':
      return column('status', record.status) + column('final', record.final);
    default:
      // A kind from a later version of the format still has its leading columns.
      record satisfies never;
      return '';
  }
}

function openColumns(record: OpenRecord): string {
  return (
    column('run', record.run) +
    column('host', record.host) +
    column('pid', record.pid) +
    column('role', record.role) +
    column('project', record.project) +
    column('name', record.name) +
    column('entity', record.entity) +
    column('group', record.group) +
    column('job_type', record.job_type) +
    column('notes', record.notes) +
    column('tags', record.tags) +
    column('argv', record.argv) +
    column('resumed', record.resumed) +
    column('resume_step', record.resume_step) +
    column('git/commit', record.git?.commit) +
    column('git/branch', record.git?.branch) +
    column('git/message', record.git?.message) +
    column('git/dirty', record.git?.dirty) +
    column('git/remote', record.git?.remote) +
    flatColumns('config', record.config)
  );
}

function imageColumns(record: ImageRecord): string {
  return (
    column('step', record.step) +
    column('key', record.key) +
    column('format', record.format) +
    column('width', record.width) +
    column('height', record.height) +
    column('caption', record.caption) +
    column('blob', record.blob) +
    column('bytes', record.bytes) +
    column('sha256', record.sha256)
  );
}

function column(name: string, value: JsonValue | undefined): string {
  return value === undefined ? '' : `,${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function metricColumns(metrics: ScalarMap): string {
  const entries = Object.entries(metrics);
  if (entries.length === 0) return '';
  // Rows are written at the pace of the training loop, and the engine's own serialiser is twice as fast as one by hand.
  if (entries.every(([key, value]) => isPlain(key, value))) return `,${JSON.stringify(metrics).slice(1, -1)}`;
  return entries.map(([key, value]) => `,${JSON.stringify(columnName(key))}:${scalarText(value)}`).join('');
}

function isPlain(key: string, value: Scalar): boolean {
  const isJson = typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0));
  return isJson && !isReserved(key);
}

function columnName(key: string): string {
  return isReserved(key) ? `metrics/${key}` : key;
}

/** Also true of what a reserved name was moved to: `metrics/step` beside `step` moves on, so that no two metrics meet. */
function isReserved(key: string): boolean {
  let name = key;
  while (name.startsWith('metrics/')) name = name.slice('metrics/'.length);
  return RESERVED_COLUMNS.has(name);
}

/**
 * The leaves below `prefix`, an empty object counting as one. Where two of them get the same name, as in
 * `{ a: { b: 1 }, 'a/b': 2 }`, the later one is numbered: `a/b#2`.
 */
function flatColumns(prefix: string, object: JsonObject): string {
  const taken = new Set<string>();
  let columns = '';
  const visit = (path: string, value: JsonValue): void => {
    if (isJsonObject(value)) {
      const members = Object.entries(value);
      for (const [key, member] of members) visit(`${path}/${key}`, member);
      if (members.length > 0 || path === prefix) return;
    }
    let name = path;
    for (let count = 2; taken.has(name); count += 1) name = `${path}#${count}`;
    taken.add(name);
    columns += column(name, value);
  };
  visit(prefix, object);
  return columns;
}
