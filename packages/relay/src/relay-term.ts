/**
 * The time in which one relay holds the lock: it reads the stream, makes the entries durable in its own directory, says so in
 * Redis, and delivers. The term ends when the relay is told to stop, or at the first sign that the lock may be another's.
 */

import { errorMessage, RetryableSinkError, TerminalSinkError, type SinkSpec } from '@runcast/core';
import { Bell, type Scheduler } from '@runcast/delivery';
import {
  compareEntryIds,
  decodeEntry,
  readPackedEntries,
  readGroupInfo,
  readStreamInfo,
  STREAM_START,
  type RedisConnection,
  type PackedEntry,
  type StreamLine,
} from '@runcast/redis';
import { writeDeadLetters, type DeadEntry } from './dead-letters.ts';
import type { RelayDirectory, RelayPosition } from './relay-directory.ts';
import type { RelayEvent, RelayStatus } from './relay-event.ts';
import type { RelayKeys } from './relay-keys.ts';
import { RelayedLogs } from './relayed-logs.ts';
import { RunDeliveries } from './run-deliveries.ts';
import { LOCK_RENEWAL_MS, type StreamLock } from './stream-lock.ts';

/** As many as the server packs fastest: what it makes of them then stays in the processor's cache. */
const READ_COUNT = 500;
const IDLE_POLL_MS = 50;
const DELIVERY_POLL_MS = 100;
const DISK_RETRY_MS = 1_000;
/** How long entries may be written before they are forced to the disk. */
const SYNC_INTERVAL_MS = 250;
/**
 * A server that lost its last entries may give out their ids again, to others: what came shortly before the place reached is
 * read once more with each term. What is there already is passed over.
 */
const READ_AGAIN_MS = 60_000;
/** Seconds over which throughput is measured. */
const RATE_WINDOW = 5;

interface EntryLine extends StreamLine {
  readonly entry: PackedEntry;
}

export interface RelayTermOptions {
  readonly connection: RedisConnection;
  readonly lock: StreamLock;
  readonly keys: RelayKeys;
  readonly directory: RelayDirectory;
  readonly specs: readonly SinkSpec[];
  readonly relay: string;
  readonly scheduler: Scheduler;
  readonly drainTimeoutMs: number;
  readonly onEvent: (event: RelayEvent) => void;
}

export class RelayTerm {
  readonly #options: RelayTermOptions;
  readonly #logs: RelayedLogs;
  readonly #deliveries: RunDeliveries;
  readonly #bell: Bell;
  readonly #sinceMs: number;
  /** The last entry that is durable here, and noted as that. */
  #reached: RelayPosition;
  /** The last entry that is in its log. */
  #written: RelayPosition;
  #durableAtMs = -Infinity;
  /** Forcing to the disk what was written, while more is read. Never rejects. */
  #forcing: Promise<void> | undefined;
  /** The entries after the last written, on their way. */
  #ahead: Promise<readonly PackedEntry[]> | undefined;
  /** Where reading is, which may be before that. */
  #at: string;
  /** What Redis says has been made durable by whichever relay. */
  #groupPosition: string = STREAM_START;
  /** Everything that the stream holds has been read at least once. */
  #complete = false;
  #added = 0;
  #checkedAtMs = -Infinity;
  readonly #counts = { entries: 0, records: 0, repeated: 0, deadLetters: 0, missed: 0 };
  #rates: readonly number[] = [];
  #stopping = false;
  #renewing = true;
  #failure: Error | undefined;

  constructor(options: RelayTermOptions) {
    const { directory, scheduler, specs, connection, lock, keys, onEvent } = options;
    this.#options = options;
    this.#bell = new Bell(scheduler);
    this.#sinceMs = scheduler.nowMs();
    this.#reached = directory.position();
    this.#written = this.#reached;
    this.#at = readAgainFrom(this.#reached.id);
    this.#logs = new RelayedLogs(directory.path, () => scheduler.nowMs());
    this.#deliveries = new RunDeliveries({
      dir: directory.path,
      specs,
      scheduler,
      cursors: {
        read: async (field) => {
          const kept = await connection.call('HGET', keys.cursors, field);
          return typeof kept === 'string' ? kept : undefined;
        },
        keep: (field, cursor) => lock.keepCursor(field, cursor),
      },
      onEvent: (run, event) => onEvent({ type: 'delivery', run, event }),
    });
  }

  /** No further entry is read; what was is delivered as far as the time for it allows. */
  stop(): void {
    this.#stopping = true;
    this.#bell.ring();
  }

  /**
   * Resolves once the term has ended because it was told to, to how many runs owe a sink something. Rejects where it ended for
   * another reason.
   */
  async run(): Promise<number> {
    const { lock, onEvent, drainTimeoutMs } = this.#options;
    await this.#prepare();
    onEvent({ type: 'active', token: lock.token, position: this.#reached.id });
    const renewing = this.#loop(
      () => this.#renew(),
      LOCK_RENEWAL_MS,
      () => this.#renewing,
    );
    const delivering = this.#loop(
      () => this.#deliveries.advance(this.#complete),
      DELIVERY_POLL_MS,
      () => !this.#stopping,
    );
    await this.#loop(
      () => this.#read(),
      0,
      () => !this.#stopping,
    );
    await delivering;
    if (this.#failure === undefined) await this.#deliverRest();
    // With the lock gone the runs are another relay's: what is in flight is given up, and no run is ended.
    const owing = await this.#deliveries.close(this.#failure === undefined ? drainTimeoutMs : undefined);
    this.#renewing = false;
    this.#bell.ring();
    await renewing;
    await this.#forcing;
    if (this.#failure !== undefined) throw this.#failure;
    await lock.release();
    return owing;
  }

  /** Does `work` again and again while `goesOn`. What it throws ends the term. */
  async #loop(work: () => Promise<number | void>, pauseMs: number, goesOn: () => boolean): Promise<void> {
    while (goesOn() && this.#failure === undefined) {
      try {
        const waitMs = (await work()) ?? pauseMs;
        // A timer of no time takes one to two milliseconds, in which hundreds of entries could be read.
        if (waitMs > 0) await this.#bell.wait(waitMs);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.stop();
  }

  async #prepare(): Promise<void> {
    const { connection, keys } = this.#options;
    await createGroup(connection, keys);
    const group = await readGroupInfo(connection, keys.stream, keys.group);
    this.#groupPosition = group?.position ?? STREAM_START;
    await this.#checkStream();
    this.#deliveries.findUnsettled();
  }

  /** Opens what has not had its turn, so that closing delivers it. */
  async #deliverRest(): Promise<void> {
    try {
      await this.#makeDurable();
      await this.#deliveries.advance(true);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads once. Returns how long to wait for the next time. */
  async #read(): Promise<number> {
    const { scheduler } = this.#options;
    const entries = await (this.#ahead ?? this.#readAfter(this.#at));
    const last = entries.at(-1);
    const isCheckDue =
      scheduler.nowMs() - this.#checkedAtMs >= LOCK_RENEWAL_MS || (last === undefined && !this.#complete);
    // The server packs the next entries while these are written; when it is asked what it has lost, none may be on their way.
    this.#ahead = last === undefined || isCheckDue ? undefined : this.#readAfter(last.id);
    try {
      this.#write(entries);
      if (last === undefined) await this.#makeDurable();
      else if (scheduler.nowMs() - this.#durableAtMs >= SYNC_INTERVAL_MS)
        this.#forcing ??= this.#makeDurableMeanwhile();
    } catch (error) {
      if (isOfRedis(error)) throw error;
      this.#ahead = undefined;
      this.#tellTrouble(error);
      return DISK_RETRY_MS;
    }
    if (isCheckDue) await this.#checkStream();
    if (last !== undefined) return 0;
    this.#complete = true;
    return IDLE_POLL_MS;
  }

  #readAfter(id: string): Promise<readonly PackedEntry[]> {
    const { connection, keys } = this.#options;
    const reading = readPackedEntries(connection, keys.stream, id, READ_COUNT);
    // Whoever awaits it hears of what went wrong; nobody may.
    reading.catch(() => undefined);
    return reading;
  }

  /** Writes entries to their logs. Throws the system's error; nothing is lost by it, and the same entries are read again. */
  #write(entries: readonly PackedEntry[]): void {
    const { directory, onEvent } = this.#options;
    const dead: DeadEntry[] = [];
    const lines: EntryLine[] = [];
    let last = this.#at;
    for (const entry of entries) {
      const decoded = decodePacked(entry);
      if (decoded.ok) lines.push(decoded);
      else dead.push({ entry, reason: decoded.problem });
      last = entry.id;
    }
    const { appended, repeated, refused } = this.#logs.append(lines);
    dead.push(...refused.map(({ line: { entry }, reason }) => ({ entry, reason })));
    // Read before, it has been set aside before.
    const letters = dead.filter(({ entry }) => compareEntryIds(entry.id, this.#written.id) > 0);
    writeDeadLetters(directory.deadLetterFile, letters);
    for (const { entry, reason } of letters) onEvent({ type: 'deadLetter', id: entry.id, reason });
    this.#count(entries.length, appended, repeated, letters.length);
    if (compareEntryIds(last, this.#written.id) > 0) {
      const read = this.#countNew(entries);
      this.#written = { id: last, entriesRead: this.#written.entriesRead + read };
    }
    this.#at = last;
    const units = new Map<string, number>();
    for (const { run, line } of lines) units.set(run, (units.get(run) ?? 0) + line.length);
    for (const [run, length] of units) this.#deliveries.touch(run, length);
  }

  /** Of entries in order, those after the last written. */
  #countNew(entries: readonly PackedEntry[]): number {
    const { id } = this.#written;
    const [first] = entries;
    if (first !== undefined && compareEntryIds(first.id, id) > 0) return entries.length;
    return entries.filter((entry) => compareEntryIds(entry.id, id) > 0).length;
  }

  /** What is written is forced to the disk, and only then noted as read, here and in Redis. */
  async #makeDurable(): Promise<void> {
    await this.#forcing;
    await this.#force();
  }

  /** The same while more is read: a disk takes its time. Resolves in any case. */
  async #makeDurableMeanwhile(): Promise<void> {
    try {
      await this.#force();
    } catch (error) {
      if (isOfRedis(error)) this.#fail(error);
      else this.#tellTrouble(error);
      this.#durableAtMs += DISK_RETRY_MS;
    } finally {
      this.#forcing = undefined;
    }
  }

  async #force(): Promise<void> {
    const { directory, lock, scheduler } = this.#options;
    this.#durableAtMs = scheduler.nowMs();
    const written = this.#written;
    const { id, entriesRead } = written;
    if (id !== this.#reached.id) {
      await this.#logs.sync();
      directory.movePosition(written);
      this.#reached = written;
    }
    // A relay that reads what another has read before it tells nobody anything new.
    if (compareEntryIds(id, this.#groupPosition) <= 0) return;
    await lock.movePosition(id, entriesRead);
    this.#groupPosition = id;
  }

  #tellTrouble(error: unknown): void {
    this.#options.onEvent({ type: 'trouble', message: `the directory takes nothing: ${errorMessage(error)}` });
  }

  #count(entries: number, records: number, repeated: number, deadLetters: number): void {
    this.#counts.entries += entries;
    this.#counts.records += records;
    this.#counts.repeated += repeated;
    this.#counts.deadLetters += deadLetters;
  }

  /** What has become of the stream itself: it may have been cut at its beginning, or be another one than it was. */
  async #checkStream(): Promise<void> {
    const { connection, keys, scheduler, directory, onEvent } = this.#options;
    this.#checkedAtMs = scheduler.nowMs();
    // What is on its way to be noted as durable would otherwise be noted of a stream that is no more.
    await this.#forcing;
    const info = await readStreamInfo(connection, keys.stream);
    if (info === undefined) throw new RetryableSinkError(`${keys.stream} has been removed`);
    const { added, length, lastId } = info;
    this.#added = added;
    const trimmed = added - length;
    const { id, entriesRead } = this.#written;
    if (compareEntryIds(lastId, id) < 0) {
      // The server came back without what it had: what it gets from now on has places that were passed already.
      this.#written = { id: STREAM_START, entriesRead: trimmed };
      this.#reached = this.#written;
      this.#groupPosition = STREAM_START;
      this.#at = STREAM_START;
      this.#ahead = undefined;
      directory.movePosition(this.#reached);
    } else if (id === lastId) {
      this.#written = { id, entriesRead: added };
    } else if (id === STREAM_START) {
      this.#written = { id, entriesRead: trimmed };
    } else if (trimmed > entriesRead) {
      this.#counts.missed += trimmed - entriesRead;
      onEvent({ type: 'missed', entries: trimmed - entriesRead });
      this.#written = { id, entriesRead: trimmed };
    }
  }

  async #renew(): Promise<void> {
    const { lock, onEvent } = this.#options;
    this.#rates = [...this.#rates, this.#counts.entries].slice(-RATE_WINDOW - 1);
    const status = this.#status();
    await lock.renew(JSON.stringify(status));
    onEvent({ type: 'status', status });
  }

  #status(): RelayStatus {
    const { relay, lock } = this.#options;
    const { entries, records, repeated, deadLetters, missed } = this.#counts;
    const { entriesRead } = this.#written;
    const windowSecs = Math.max(1, this.#rates.length - 1) * (LOCK_RENEWAL_MS / 1000);
    return {
      relay,
      token: lock.token,
      since: this.#sinceMs / 1000,
      position: this.#reached.id,
      lag: Math.max(0, this.#added - entriesRead),
      entries,
      entries_per_second: Math.round((entries - Math.min(...this.#rates)) / windowSecs),
      records,
      repeated,
      dead_letters: deadLetters,
      missed,
      open_runs: this.#deliveries.openRuns,
      backlog: this.#deliveries.backlog(),
    };
  }
}

/** The line that an entry becomes. */
function decodePacked(
  entry: PackedEntry,
): ({ readonly ok: true } & EntryLine) | { readonly ok: false; readonly problem: string } {
  if ('fields' in entry) {
    const decoded = decodeEntry(entry.fields);
    return decoded.ok ? { ...decoded, entry } : decoded;
  }
  // Member by member: a spread takes longer than the rest of it.
  const { run, writer, seq, line } = entry;
  return { ok: true, run, writer, seq, line, entry };
}

/** The stream or the lock is in the way, and not the disk. */
function isOfRedis(error: unknown): boolean {
  return error instanceof RetryableSinkError || error instanceof TerminalSinkError;
}

function readAgainFrom(id: string): string {
  const ms = Number(id.split('-')[0]);
  return ms > READ_AGAIN_MS ? `${ms - READ_AGAIN_MS}-0` : STREAM_START;
}

/** The group says to everybody how far its relays are: XINFO GROUPS. */
async function createGroup(connection: RedisConnection, { stream, group }: RelayKeys): Promise<void> {
  try {
    await connection.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (!errorMessage(error).includes('BUSYGROUP')) throw error;
  }
}
