// Plays rounds of a cell, each from a seed of its own, and keeps what is left of a round that failed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cellName, type Cell, type Round } from './cell.ts';
import { seededRandom } from './seeded-random.ts';

/** What a round came to. */
export interface RoundResult {
  /** With it, `--seed` plays the round again. */
  readonly seed: number;
  /** None where the promise held. */
  readonly problems: readonly string[];
  /** What the round has left on the disk, where it failed. */
  readonly folder: string;
  readonly seconds: number;
  /** Records that were looked for in the sinks. */
  readonly records: number;
  /** The greatest of each thing measured, in milliseconds. */
  readonly measured: ReadonlyMap<string, number>;
  /** The sum of each thing counted. */
  readonly counted: ReadonlyMap<string, number>;
}

/** What the rounds of a cell came to. */
export interface CellResult {
  readonly cell: Cell;
  readonly rounds: number;
  /** What they took, one after the other. */
  readonly seconds: number;
  readonly failures: readonly RoundResult[];
  readonly records: number;
  readonly measured: ReadonlyMap<string, number>;
  readonly counted: ReadonlyMap<string, number>;
}

/** How many rounds of a cell are worth playing where so many are asked for. */
export function roundsOf({ mostRounds }: Cell, asked: number): number {
  return Math.min(asked, mostRounds ?? asked);
}

export async function playCell(cell: Cell, seed: number, rounds: number): Promise<CellResult> {
  const played: RoundResult[] = [];
  // The first has the seed that was given.
  for (let round = 0; round < roundsOf(cell, rounds); round += 1) played.push(await playCellRound(cell, seed + round));
  return summarise(cell, played);
}

export async function playCellRound(cell: Cell, seed: number): Promise<RoundResult> {
  const started = performance.now();
  const folder = mkdtempSync(path.join(tmpdir(), 'runcast-faults-'));
  const measured = new Map<string, number>();
  const counted = new Map<string, number>();
  let records = 0;
  const problems = await playRound(cell, {
    random: seededRandom(seed, cellName(cell)),
    folder,
    judged: (count) => {
      records += count;
    },
    measure: (name, milliseconds) => keepGreatest(measured, name, milliseconds),
    count: (name, number) => addTo(counted, name, number),
  });
  if (problems.length === 0) rmSync(folder, { recursive: true, force: true });
  return { seed, problems, folder, seconds: (performance.now() - started) / 1000, records, measured, counted };
}

export function summarise(cell: Cell, rounds: readonly RoundResult[]): CellResult {
  const measured = new Map<string, number>();
  const counted = new Map<string, number>();
  for (const round of rounds) {
    for (const [name, milliseconds] of round.measured) keepGreatest(measured, name, milliseconds);
    for (const [name, number] of round.counted) addTo(counted, name, number);
  }
  return {
    cell,
    rounds: rounds.length,
    seconds: rounds.reduce((total, { seconds }) => total + seconds, 0),
    failures: rounds.filter(({ problems }) => problems.length > 0),
    records: rounds.reduce((total, { records }) => total + records, 0),
    measured,
    counted,
  };
}

function keepGreatest(measured: Map<string, number>, name: string, milliseconds: number): void {
  measured.set(name, Math.max(measured.get(name) ?? 0, milliseconds));
}

function addTo(counted: Map<string, number>, name: string, number: number): void {
  counted.set(name, (counted.get(name) ?? 0) + number);
}

async function playRound(cell: Cell, round: Round): Promise<readonly string[]> {
  try {
    return await cell.play(round);
  } catch (error) {
    return [
      `the round could not be played: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    ];
  }
}

/** One text for a failing cell: what is wrong, and how to see it again. */
export function describeFailures({ cell, failures }: CellResult): string {
  return failures
    .map(({ seed, problems, folder }) =>
      [
        `${cellName(cell)}: repeat with pnpm test:faults --rounds 1 --seed ${seed} --only ${JSON.stringify(cellName(cell))}`,
        `  left in ${folder}`,
        ...problems.map((problem) => `  ${problem}`),
      ].join('\n'),
    )
    .join('\n');
}
