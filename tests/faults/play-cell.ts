// Plays rounds of a cell, each from a seed of its own, and keeps what is left of a round that failed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cellName, type Cell, type Round } from './cell.ts';
import { seededRandom } from './seeded-random.ts';

interface RoundFailure {
  /** With it, `--seed` plays the round again. */
  readonly seed: number;
  readonly problems: readonly string[];
  /** What the round has left on the disk. */
  readonly folder: string;
}

export interface CellResult {
  readonly cell: Cell;
  readonly rounds: number;
  readonly failures: readonly RoundFailure[];
  /** Records that were looked for in the sinks, over all rounds. */
  readonly records: number;
  /** The greatest of each thing measured, in milliseconds. */
  readonly measured: ReadonlyMap<string, number>;
  /** The sum of each thing counted. */
  readonly counted: ReadonlyMap<string, number>;
}

/** The seed of a round: that of the first is the one given. */
function roundSeed(seed: number, round: number): number {
  return seed + round;
}

export async function playCell(cell: Cell, seed: number, rounds: number): Promise<CellResult> {
  const played = Math.min(rounds, cell.mostRounds ?? rounds);
  const failures: RoundFailure[] = [];
  const measured = new Map<string, number>();
  const counted = new Map<string, number>();
  let records = 0;
  for (let round = 0; round < played; round += 1) {
    const folder = mkdtempSync(path.join(tmpdir(), 'runcast-faults-'));
    const own = roundSeed(seed, round);
    const problems = await playRound(cell, {
      random: seededRandom(own, cellName(cell)),
      folder,
      judged: (count) => {
        records += count;
      },
      measure: (name, milliseconds) => {
        measured.set(name, Math.max(measured.get(name) ?? 0, milliseconds));
      },
      count: (name, number) => {
        counted.set(name, (counted.get(name) ?? 0) + number);
      },
    });
    if (problems.length > 0) failures.push({ seed: own, problems, folder });
    else rmSync(folder, { recursive: true, force: true });
  }
  return { cell, rounds: played, failures, records, measured, counted };
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
