// The scripted backend as the harness's http sink speaks to it. It keeps records by writer and seq, so that a request that was
// taken and answered by a reset may come again: what may not happen is a record with other content, out of order, or missing;
// or a batch that was taken and comes again as another one, since a backend that is addressed by offsets could not tell what
// it has of it.
import { parseRecord, type RecordBatch, type RunRecord } from '@runcast/core';
import { openScriptedBackend, type BackendAnswer, type BackendReply, type ScriptedBackend } from '@runcast/testing';

/** `refuse` takes no batch that holds certain steps. */
export type Answer = BackendAnswer | 'refuse';

/** Steps whose number is a multiple of this are refused, where refusing is what is scripted. */
const REFUSED_EVERY = 50;

export class RecordBackend {
  /** What may not happen and did. */
  readonly problems: string[] = [];
  readonly #held = new Map<string, Map<number, string>>();
  /** First and last `seq` of the batches that were taken, by writer. */
  readonly #taken = new Set<string>();
  #server: ScriptedBackend | undefined;
  #refuses = false;

  static async listen(answer: () => Answer): Promise<RecordBackend> {
    const backend = new RecordBackend();
    backend.#server = await openScriptedBackend({
      answer: backend.#asScripted(answer),
      take: ({ body }) => backend.#takeOrRefuse(readBatch(body.toString('utf8'))),
    });
    return backend;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Requests that came sooner than a 429 or 503 had asked for. */
  get earlyRequests(): number {
    return this.#server?.earlyRequests ?? 0;
  }

  /** From now on it is well. */
  recover(): void {
    if (this.#server !== undefined) this.#server.answer = this.#asScripted(() => 'ok');
  }

  /** `seq`s of a writer that the backend holds. */
  held(writer: string): ReadonlySet<number> {
    return new Set(this.#held.get(writer)?.keys());
  }

  /** Breaks all connections. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  #asScripted(answer: () => Answer): () => BackendAnswer {
    return () => {
      const next = answer();
      this.#refuses = next === 'refuse';
      return next === 'refuse' ? 'ok' : next;
    };
  }

  #takeOrRefuse({ writer, from, to, records }: RecordBatch): BackendReply {
    const refused = this.#refuses ? records.filter((record) => isRefused(record)) : [];
    if (refused.length > 0) return { status: 422, body: JSON.stringify(refused.map(({ seq }) => seq)) };
    this.#take(writer, from, to, records);
    return {};
  }

  #take(writer: string, from: number, to: number, records: readonly RunRecord[]): void {
    const held = this.#held.get(writer) ?? new Map<number, string>();
    this.#held.set(writer, held);
    const batch = `${writer} ${from} to ${to}`;
    const repeats = records.some(({ seq }) => held.has(seq));
    if (repeats && !this.#taken.has(batch)) this.problems.push(`http: ${batch} repeats records of another batch`);
    this.#taken.add(batch);
    let last = Math.max(-1, ...[...held.keys()].slice(-1));
    for (const record of records) {
      const text = JSON.stringify(record);
      const before = held.get(record.seq);
      if (before !== undefined && before !== text)
        this.problems.push(`http: ${writer} seq ${record.seq} came again changed`);
      if (before === undefined && record.seq <= last)
        this.problems.push(`http: ${writer} seq ${record.seq} came after ${last}`);
      held.set(record.seq, text);
      last = Math.max(last, record.seq);
    }
  }
}

export function isRefused(record: RunRecord): boolean {
  return record.kind === 'step' && record.step % REFUSED_EVERY === 0;
}

function readBatch(text: string): RecordBatch {
  const batch: unknown = JSON.parse(text);
  if (typeof batch !== 'object' || batch === null) throw new TypeError('not a batch');
  if (!('writer' in batch) || !('from' in batch) || !('to' in batch) || !('records' in batch))
    throw new TypeError('not a complete batch');
  const records = Array.isArray(batch.records) ? batch.records : [];
  return {
    writer: String(batch.writer),
    from: Number(batch.from),
    to: Number(batch.to),
    records: records.flatMap((record) => {
      const parsed = parseRecord(JSON.stringify(record));
      return parsed.ok ? [parsed.record] : [];
    }),
  };
}
