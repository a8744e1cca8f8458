// What a power cut, a careless hand or a failing disk leaves behind: after a trainer was killed, its log, a sink's file or a
// cursor is damaged; then the run is recovered.
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import path from 'node:path';
import { runDirectory } from '@runcast/runlog';
import type { Cell, Round } from './cell.ts';
import { startTrainer } from './child-program.ts';
import { recoverAndAudit, returnedProblems, settingsFor, type Trainer } from './recovery.ts';
import { eventFiles, readWriterLogs } from './run-audit.ts';
import type { SeededRandom } from './seeded-random.ts';
import { eventsFolder, rowsFolder, runsFolder } from './trainer-settings.ts';

const RUN_ID = 'run-1';
const SINKS = ['jsonl', 'tensorboard'] as const;

/** A killed run, to be damaged. */
interface Wreck {
  readonly folder: string;
  readonly random: SeededRandom;
  /** The cursors as they once were, by path. */
  readonly earlierCursors: ReadonlyMap<string, Buffer>;
}

/** Damages the wreck; what it returns is looked for once the run is recovered. */
type Damage = (wreck: Wreck) => void | (() => readonly string[]);

const DAMAGES: ReadonlyMap<string, Damage> = new Map<string, Damage>([
  ['a torn line at the end of the log', tearLog],
  ['NULs at the end of the log', ({ folder, random }) => appendFileSync(pickLog(folder, random), nuls(random))],
  ['corrupt lines in the middle of the log', corruptLog],
  [
    'a torn end of the sinks’ files',
    ({ folder }) => forEachSinkFile(folder, (file) => appendFileSync(file, '{"kind":"st')),
  ],
  [
    'NULs at the end of the sinks’ files',
    ({ folder, random }) => forEachSinkFile(folder, (file) => appendFileSync(file, nuls(random))),
  ],
  [
    'sinks’ files shorter than their cursors',
    ({ folder, random }) =>
      forEachSinkFile(folder, (file) => truncateSync(file, Math.floor(statSync(file).size * random.next()))),
  ],
  ['the sinks’ files removed', ({ folder }) => forEachSinkFile(folder, (file) => rmSync(file))],
  ['cursors removed', ({ folder }) => forEachCursor(folder, (file) => rmSync(file))],
  [
    'cursors cut short',
    ({ folder, random }) =>
      forEachCursor(folder, (file) => truncateSync(file, Math.floor(statSync(file).size * random.next()))),
  ],
  [
    'cursors overwritten by noise',
    ({ folder, random }) => forEachCursor(folder, (file) => writeFileSync(file, noise(random, 200))),
  ],
  [
    'cursors from an earlier time',
    ({ earlierCursors }) => {
      for (const [file, bytes] of earlierCursors) writeFileSync(file, bytes);
    },
  ],
  ['cursors with wrong offsets', ({ folder, random }) => forEachCursor(folder, (file) => shiftOffsets(file, random))],
]);

export const damageCells: readonly Cell[] = [...DAMAGES].map(([fault, damage]) => ({
  promise: 'damaged',
  fault: `after a kill: ${fault}`,
  sinks: SINKS.join(' + '),
  host: 'both',
  long: false,
  play: (round) => playDamage(round, damage),
}));

async function playDamage(round: Round, damage: Damage): Promise<readonly string[]> {
  const { random, folder } = round;
  const trainers: Trainer[] = [];
  const earlierCursors = new Map<string, Buffer>();
  const deaths = random.pick([1, 2, 3]);
  for (let death = 0; death < deaths; death += 1) {
    const name = `p${death}`;
    const host = random.pick(['worker', 'inline'] as const);
    const pace = random.pick(['yielding', 'bursts'] as const);
    trainers.push({ name, pace });
    const program = startTrainer(settingsFor(folder, { sinks: SINKS, host, pace, name }));
    if ((await program.said('opened')) === undefined) return [`${name} did not open the run: ${program.errors}`];
    await delay(random.integer(50, 300));
    forEachCursor(folder, (file) => earlierCursors.set(file, readFileSync(file)));
    await delay(random.integer(0, 200));
    await program.kill();
  }
  const lost = trainers.flatMap((trainer) => returnedProblems(folder, readWriterLogs(folder, RUN_ID), trainer));
  const check = damage({ folder, random, earlierCursors });
  // What was in the log and has been damaged there is not looked for any more.
  const problems = await recoverAndAudit(settingsFor(folder, { sinks: SINKS }), [], round);
  return [...lost, ...problems, ...(check?.() ?? [])];
}

function pickLog(folder: string, random: SeededRandom): string {
  return random.pick(readWriterLogs(folder, RUN_ID)).path;
}

function tearLog({ folder, random }: Wreck): void {
  const line =
    '{"v":1,"seq":100000,"time":1795238781.321,"kind":"step","n":100000,"step":100000,"metrics":{"train/p0":1}}';
  appendFileSync(pickLog(folder, random), line.slice(0, random.integer(1, line.length)));
}

/**
 * Overwrites the middle of some lines, with bytes that are no UTF-8 too. What a sink already has of them would be more than
 * the log, so the sinks begin afresh.
 */
function corruptLog({ folder, random }: Wreck): () => readonly string[] {
  for (const made of [cursorFolder(folder), rowsFolder(folder), eventsFolder(folder)])
    rmSync(made, { recursive: true, force: true });
  const log = pickLog(folder, random);
  const bytes = readFileSync(log);
  const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 0x0a ? [at] : []));
  const count = random.integer(1, 3);
  // Neither the first record, which says who the writer is, nor the last.
  const chosen = new Set(Array.from({ length: count }, () => random.integer(0, ends.length - 3)));
  for (const index of chosen) {
    const start = (ends[index] ?? 0) + 1;
    const end = ends[index + 1] ?? start;
    noise(random, random.integer(5, end - start)).copy(bytes, start);
  }
  writeFileSync(log, bytes);
  return () => {
    const { deadLetterDirectory } = runDirectory(runsFolder(folder), RUN_ID);
    return SINKS.flatMap((sink) => {
      const file = path.join(deadLetterDirectory, `${sink}.jsonl`);
      const letters = existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
      return letters === chosen.size ? [] : [`${sink}: ${letters} dead letters for ${chosen.size} corrupt lines`];
    });
  };
}

/** Bytes of any value but a newline's, the first of them no JSON. */
function noise(random: SeededRandom, length: number): Buffer {
  return Buffer.from(
    Array.from({ length }, (_, index) => {
      const byte = random.integer(0, 255);
      return index === 0 || byte === 0x0a ? 0xff : byte;
    }),
  );
}

function nuls(random: SeededRandom): Buffer {
  return Buffer.alloc(random.pick([1, 100, 4096, 100_000]));
}

/** Where a line starts is a hint in a cursor: the record's number is what counts. */
function shiftOffsets(file: string, random: SeededRandom): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replaceAll(/"offset":\d+/gu, () => `"offset":${random.integer(0, 100_000)}`),
  );
}

function cursorFolder(folder: string): string {
  return runDirectory(runsFolder(folder), RUN_ID).cursorDirectory;
}

function forEachCursor(folder: string, visit: (file: string) => void): void {
  for (const sink of SINKS) {
    const file = path.join(cursorFolder(folder), `${sink}.json`);
    if (existsSync(file)) visit(file);
  }
}

function forEachSinkFile(folder: string, visit: (file: string) => void): void {
  const rows = path.join(rowsFolder(folder), `${RUN_ID}.jsonl`);
  for (const file of [rows, ...eventFiles(folder, RUN_ID)]) if (existsSync(file)) visit(file);
}
