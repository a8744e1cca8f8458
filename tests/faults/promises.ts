// What Runcast promises where something dies or fails. Each cell holds one of these to account; the page of results and the
// README's table are made of both, so that neither says more than was seen.

/** Which of the promises. */
export type PromiseName =
  | 'killed'
  | 'flooded'
  | 'ended'
  | 'damaged'
  | 'logDisk'
  | 'sinkDisk'
  | 'backend'
  | 'refused'
  | 'client'
  | 'worker'
  | 'owner'
  | 'opening'
  | 'leaks';

export interface Promised {
  /** What dies or fails. */
  readonly what: string;
  /** What holds all the same. */
  readonly holds: string;
}

const SYNCED = '`npx runcast sync <run>` or the next owner delivers it, each record once in each file';

/** In the order of the page. */
export const PROMISES: Readonly<Record<PromiseName, Promised>> = {
  killed: {
    what: '`kill -9`, out of memory, a crash; recovery killed as well',
    holds: `Every record whose call had returned is in the run log, up to 1,024 at once and 50,000 a second, blocked loops included. ${SYNCED}`,
  },
  flooded: {
    what: 'the same in a flood beyond that',
    holds: `All but the last 31 records at most are in the run log. ${SYNCED}`,
  },
  ended: {
    what: '`process.exit`, an exception or the natural end of a process, without `close`',
    holds: 'Log, JSONL rows and event files are complete to the last record when the process has gone',
  },
  damaged: {
    what: 'the log, a sink’s file or a cursor torn, cut, removed, or full of noise',
    holds: `What is whole in the log is delivered, each record once; what is no record is set aside in \`dead-letters/\` with the reason and counted`,
  },
  logDisk: {
    what: 'a disk that is full or broken under the log, also killed before it is well',
    holds:
      'Training goes on. Records stay in memory up to 64 MB, then they are counted as dropped; recovery is told; no line is torn',
  },
  sinkDisk: {
    what: 'a disk that is full or broken under a sink or its cursors, or their directories removed',
    holds:
      'The sink is retried, the others do not notice, and it has everything afterwards; closing says what it lacks',
  },
  backend: {
    what: 'a backend that is slow, hangs, is down, breaks connections, answers 429 or 5xx',
    holds:
      'It is retried with growing, jittered pauses, never before the time it asked for. Training and the other sinks do not notice; closing takes no longer than it may, says what is owed and leaves nothing running',
  },
  refused: {
    what: 'a backend that refuses records for ever, or knows no such key',
    holds:
      'The records are set aside in `dead-letters/` with the reason and counted, or the sink stops and the log keeps what it is owed; the rest goes on',
  },
  client: {
    what: 'W&B behind its own client (`WANDB__ENGINE=sdk`) does any of that, or the trainer is killed',
    holds:
      'Training and the other sinks do not notice, and what W&B has not taken is owed, and said to be. That engine takes up no run: what is owed when its process has gone comes with `WANDB__ENGINE=native npx runcast sync <run>`, all of the run behind the rows that are there',
  },
  worker: {
    what: 'the worker thread dies',
    holds: 'The same sinks go on from their cursors on the trainer’s loop, and health keeps counting',
  },
  owner: {
    what: 'the process that owns a run dies, leaves before the others, or is blocked',
    holds:
      'Another process of the run delivers for all, within two seconds; two that open at once are never both owners',
  },
  opening: {
    what: 'a run directory or a log that cannot be made',
    holds: 'One clear error when opening, and nothing left behind',
  },
  leaks: {
    what: 'publishers opened and closed by the hundred in one process',
    holds: 'No descriptor, timer, thread or listener is left',
  },
};
