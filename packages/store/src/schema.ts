/**
 * The tables of a run store, as data: what makes them, fills them and reads them back has this one source, in both
 * dialects. People query them by hand, so names are whole words, and docs/store.md describes every column.
 *
 * | table | one row for | holds |
 * | --- | --- | --- |
 * | `runs` | each run | who, when, how it ended, git, and its configuration, summary and tags as JSON |
 * | `run_values` | each value of a configuration or a summary, each tag | the same as columns with indexes, for filters |
 * | `history` | each record of metrics | all of its metrics as JSON, on an axis, at a step |
 * | `key_metrics` | each value of a key metric | the value as a number, by run, key, axis and step |
 * | `records` | each other record | the record as JSON: hyperparameters, tables, references to images and files … |
 * | `positions` | each writer of a run | the last record of it that the store holds, moved with the rows themselves |
 */

/** What a column holds. `json` is text in SQLite, and PostgreSQL's `json` (not `jsonb`, which changes numbers and drops keys). */
export type ColumnType = 'text' | 'integer' | 'number' | 'flag' | 'json';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly required?: true;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Names of the columns of its primary key. */
  readonly key: readonly string[];
  /** Columns of further indexes. Each costs every row that is written, so there are few. */
  readonly indexes: readonly (readonly string[])[];
  /** Rows are small and lie in the order of their key, where the database has such tables. */
  readonly clustered?: true;
}

/** Of the tables' form, kept in the table `runcast_schema`. */
export const SCHEMA_VERSION = 1;

const text = (name: string): Column => ({ name, type: 'text' });
const integer = (name: string): Column => ({ name, type: 'integer' });
const number = (name: string): Column => ({ name, type: 'number' });
const json = (name: string): Column => ({ name, type: 'json' });
const flag = (name: string): Column => ({ name, type: 'flag' });
const required = (column: Column): Column => ({ ...column, required: true });

export const RUNS: Table = {
  name: 'runs',
  columns: [
    required(text('run_id')),
    text('project'),
    text('name'),
    text('entity'),
    text('run_group'),
    text('job_type'),
    text('notes'),
    // `running`, or how it ended: `finished`, `failed`, `crashed`, `unknown`.
    required(text('status')),
    // Unix seconds, as all times.
    required(number('started_at')),
    // Null while the run goes on.
    number('ended_at'),
    // When the store last heard of the run.
    required(number('heartbeat_at')),
    // From the start to the end, or to the last record.
    required(number('duration_secs')),
    // What logFinal said, or how many records of steps there are.
    required(integer('total_steps')),
    text('host'),
    json('argv'),
    text('git_commit'),
    text('git_branch'),
    text('git_message'),
    flag('git_dirty'),
    text('git_remote'),
    required(json('tags')),
    required(json('config')),
    required(json('summary')),
    // What the sink needs to go on with the run.
    required(json('sink_state')),
  ],
  key: ['run_id'],
  indexes: [['started_at'], ['status'], ['project']],
};

/** `section` is `config`, `summary` or `tag`. Members of nested objects are joined by a dot: `model.width`. */
export const RUN_VALUES: Table = {
  name: 'run_values',
  columns: [
    required(text('run_id')),
    required(text('section')),
    required(text('key')),
    // Null for what is no number, and for NaN.
    number('number'),
    // What is no finite number, as text: strings as they are, true, false, null, NaN, lists as JSON.
    text('text'),
  ],
  key: ['run_id', 'section', 'key'],
  indexes: [
    ['section', 'key', 'number'],
    ['section', 'key', 'text'],
  ],
  clustered: true,
};

/** Kinds step, epoch, validation, log, system. */
export const HISTORY: Table = {
  name: 'history',
  columns: [
    required(text('run_id')),
    required(text('writer')),
    required(integer('seq')),
    required(number('time')),
    required(text('kind')),
    // What the step counts: `step`, `epoch`, `<series>/step`; null with the step.
    text('axis'),
    integer('step'),
    // A later process went back behind this step, and it no longer counts.
    required(flag('superseded')),
    // Values by canonical key, non-finite ones as the texts NaN, Infinity, -Infinity.
    required(json('metrics')),
  ],
  key: ['run_id', 'writer', 'seq'],
  indexes: [],
};

/** The later of two values at one step stands. */
export const KEY_METRICS: Table = {
  name: 'key_metrics',
  columns: [
    required(text('run_id')),
    required(text('key')),
    required(text('axis')),
    required(integer('step')),
    required(number('time')),
    // Null where it is NaN, which SQLite has none of.
    number('value'),
  ],
  key: ['run_id', 'key', 'axis', 'step'],
  indexes: [],
  clustered: true,
};

export const RECORDS: Table = {
  name: 'records',
  columns: [
    required(text('run_id')),
    required(text('writer')),
    required(integer('seq')),
    required(number('time')),
    required(text('kind')),
    // Of what has one: tables, images, texts …
    text('key'),
    integer('step'),
    // The record without its version, seq, time and kind.
    required(json('data')),
  ],
  key: ['run_id', 'writer', 'seq'],
  indexes: [['run_id', 'kind']],
};

export const POSITIONS: Table = {
  name: 'positions',
  columns: [required(text('run_id')), required(text('writer')), required(integer('seq'))],
  key: ['run_id', 'writer'],
  indexes: [],
  clustered: true,
};

/** One row: the {@link SCHEMA_VERSION} that the tables were made by. Who reads or writes a store looks here first. */
export const SCHEMA_TABLE: Table = {
  name: 'runcast_schema',
  columns: [required(integer('version'))],
  key: ['version'],
  indexes: [],
};

export const TABLES: readonly Table[] = [RUNS, RUN_VALUES, HISTORY, KEY_METRICS, RECORDS, POSITIONS];
