// A run as W&B's server holds it: what the tests look at, and what the protocol's parts write to.
import { LineFile } from './line-file.ts';
import { parseRow, type JsonRow } from './wandb-json.ts';

/** `running` until its end is sent; `crashed` when nothing was heard of it for as long as the server waits. */
export type RunStatus = 'running' | 'finished' | 'failed' | 'crashed';

export interface ServerAlert {
  readonly title: string;
  readonly text: string;
  readonly severity: string;
  readonly waitDuration: unknown;
}

/** A version of an artifact. */
export interface ServerArtifact {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly state: 'PENDING' | 'COMMITTED';
  /** Counted from 0 within the artifact's name; undefined until it is committed. */
  readonly version: number | undefined;
  readonly aliases: readonly string[];
  readonly description: string | undefined;
  /** Parsed. */
  readonly metadata: unknown;
  readonly digest: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The run that logged it, by id. */
  readonly runId: string | undefined;
}

export interface ServerRun {
  readonly entity: string;
  readonly project: string;
  readonly id: string;
  readonly storageId: string;
  readonly displayName: string;
  readonly group: string | undefined;
  readonly jobType: string | undefined;
  readonly notes: string | undefined;
  readonly host: string | undefined;
  readonly commit: string | undefined;
  readonly tags: readonly string[];
  /** As it was sent last, parsed: each item is `{ value }`. */
  readonly config: JsonRow;
  /** Parsed, with NaN and the infinities as numbers; undefined until one came. */
  readonly summary: JsonRow | undefined;
  /** Lines. */
  readonly history: readonly string[];
  /** The lines of `history`, parsed; a line that is no object is an empty row. */
  readonly rows: readonly JsonRow[];
  readonly events: readonly string[];
  readonly output: readonly string[];
  /** Bytes by path within the run. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Paths that the client has said to be uploaded, in that order. */
  readonly uploaded: readonly string[];
  /** Versions that this run logged, in the order of their making. */
  readonly artifacts: readonly ServerArtifact[];
  readonly alerts: readonly ServerAlert[];
  /** The end was sent, and the run has not been opened again since. */
  readonly complete: boolean;
  readonly exitCode: number | undefined;
  readonly state: RunStatus;
  /** How often it was opened or changed by UpsertBucket. */
  readonly upserts: number;
}

const EVENTS = 'wandb-events.jsonl';
export const HISTORY = 'wandb-history.jsonl';
export const SUMMARY = 'wandb-summary.json';
/** Console lines; writers in shared mode have one each, with their label. */
const OUTPUT = /^output(?:_[^/]+)?\.log$/u;

export class RunState implements ServerRun {
  readonly entity: string;
  readonly project: string;
  readonly id: string;
  readonly storageId: string;
  displayName: string;
  group: string | undefined;
  jobType: string | undefined;
  notes: string | undefined;
  host: string | undefined;
  commit: string | undefined;
  tags: readonly string[] = [];
  config: JsonRow = {};
  complete = false;
  exitCode: number | undefined;
  upserts = 0;
  /** Requests of the file stream under way. */
  streaming = 0;
  /** The body that ended the run: when its answer is lost, the same comes again. */
  lastBody: string | undefined;
  readonly files: Map<string, Uint8Array> = new Map();
  readonly uploaded: string[] = [];
  readonly artifacts: ServerArtifact[] = [];
  readonly alerts: ServerAlert[] = [];
  readonly #lineFiles = new Map<string, LineFile>();
  readonly #silenceLimitMs: number;
  #heardAtMs = Date.now();

  constructor(
    place: { readonly entity: string; readonly project: string; readonly id: string },
    silenceLimitMs: number,
  ) {
    this.entity = place.entity;
    this.project = place.project;
    this.id = place.id;
    this.storageId = Buffer.from(`Run:v1:${place.id}:${place.project}:${place.entity}`).toString('base64');
    this.displayName = `named-by-server-${place.id}`;
    this.#silenceLimitMs = silenceLimitMs;
  }

  get history(): readonly string[] {
    return this.lineFile(HISTORY)?.lines ?? [];
  }

  get rows(): readonly JsonRow[] {
    return this.history.map((line) => parseRow(line) ?? {});
  }

  get events(): readonly string[] {
    return this.lineFile(EVENTS)?.lines ?? [];
  }

  get output(): readonly string[] {
    return [...this.#lineFiles].flatMap(([name, file]) => (OUTPUT.test(name) ? file.lines : []));
  }

  get summaryText(): string | undefined {
    return this.lineFile(SUMMARY)?.lines[0];
  }

  get summary(): JsonRow | undefined {
    return this.summaryText === undefined ? undefined : parseRow(this.summaryText);
  }

  get state(): RunStatus {
    if (this.complete) return this.exitCode === 0 ? 'finished' : 'failed';
    return Date.now() - this.#heardAtMs > this.#silenceLimitMs ? 'crashed' : 'running';
  }

  /** The client has sent something: the run lives. */
  heard(): void {
    this.#heardAtMs = Date.now();
  }

  /** Undefined where the file stream has no such file. */
  lineFile(name: string): LineFile | undefined {
    const known = this.#lineFiles.get(name);
    if (known !== undefined) return known;
    if (name !== HISTORY && name !== EVENTS && name !== SUMMARY && !OUTPUT.test(name)) return undefined;
    const created = new LineFile();
    this.#lineFiles.set(name, created);
    return created;
  }
}
