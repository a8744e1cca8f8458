// The command: plays rounds of every cell, or of those named, and prints what came of it.
//
//   pnpm test:faults --rounds 50 [--seed <number>] [--only <part of a cell's name>] [--jobs <number>] [--save <file>]
// Its processes run the built packages, and share what V8 has compiled of them: a round would else be mostly their start.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cellName, type Cell } from './cell.ts';
import { Slots } from './slots.ts';
import { cells } from './cells.ts';
import { faultsPage } from './faults-page.ts';
import { describeFailures, playCell, type CellResult } from './play-cell.ts';

/** Processes of one cell that wait as much as one of another's. */
const PROCESSES_A_SLOT = 3;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    // Most of a round is waiting: for trainers to train, backends to come back, closings to give up.
    jobs: { type: 'string', default: '6' },
    save: { type: 'string' },
  },
});
process.env['NODE_COMPILE_CACHE'] ??= path.join(import.meta.dirname, '..', '..', '.cache', 'compiled');

const rounds = Number(values.rounds);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000_000) : Number(values.seed);
const chosen = cells.filter((cell) => cellName(cell).includes(values.only) && cell.missing === undefined);
const missing = new Set(cells.flatMap((cell) => cell.missing ?? []));
for (const reason of missing) console.warn(`some cells are left out: ${reason}`);
console.log(`seed ${seed}: ${rounds} rounds of ${chosen.length} cells`);

const started = performance.now();
const results = new Map<number, CellResult>();
const jobs = Number(values.jobs);
const slots = new Slots(jobs);
// Those of many processes first, and then those whose one round takes long, so that none is left over at the end with nothing
// beside it.
const queue = [...chosen.entries()].toSorted(([, one], [, other]) => urgency(other) - urgency(one));
await Promise.all(
  queue.map(async ([index, cell]) => {
    const result = await slots.use(slotsOf(cell), () => playCell(cell, seed, rounds));
    results.set(index, result);
    const verdict = result.failures.length === 0 ? 'ok    ' : 'FAILED';
    console.log(
      `${verdict} ${cellName(cell)}: ${result.rounds} rounds of ${(result.seconds / result.rounds).toFixed(1)} s`,
    );
    console.error(progress());
    if (result.failures.length > 0) console.log(describeFailures(result));
  }),
);

function progress(): string {
  const minutes = (performance.now() - started) / 60_000;
  const left = (minutes * (chosen.length - results.size)) / results.size;
  return `${results.size} of ${chosen.length} cells, ${minutes.toFixed(1)} minutes, about ${left.toFixed(0)} to go`;
}

function urgency(cell: Cell): number {
  return slotsOf(cell) + (cell.mostRounds === undefined ? 0 : 0.5);
}

/** Dozens of processes have the machine to themselves. */
function slotsOf({ processes = 1 }: Cell): number {
  return Math.min(jobs, Math.ceil(processes / PROCESSES_A_SLOT));
}

const minutes = (performance.now() - started) / 60_000;
const page = await faultsPage(
  [...results].toSorted(([one], [other]) => one - other).map(([, result]) => result),
  seed,
  minutes,
);
console.log(page);
if (values.save !== undefined) writeFileSync(values.save, page);
const failed = [...results.values()].filter(({ failures }) => failures.length > 0);
if (failed.length > 0) {
  console.error(`${failed.length} cells failed with seed ${seed}`);
  process.exitCode = 1;
}
