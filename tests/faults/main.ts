// The command; `--help` says what it does.
//
// Its processes run the built packages, and share what V8 has compiled of them: a round would else be mostly their start.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cellName, type Cell } from './cell.ts';
import { cells } from './cells.ts';
import { faultsPage } from './faults-page.ts';
import { KeptRounds } from './kept-rounds.ts';
import { describeFailures, playCellRound, roundsOf, summarise } from './play-cell.ts';
import { Slots } from './slots.ts';

/** Processes of one cell that wait as much as one of another's. */
const PROCESSES_A_SLOT = 3;

const HELP = `Plays rounds of every fault that Runcast promises to survive, and prints what came of it.

Usage: pnpm test:faults [options]

  --rounds <number>  rounds of each cell (5)
  --only <text>      only cells with this in their name
  --jobs <number>    rounds at a time (6)
  --seed <number>    repeats rounds that were played with it
  --save <file>      writes the result to a file as well
  --kept <file>      keeps rounds in a file, and plays only those that are not there yet: fifty of each take hours, which
                     need not be in one sitting; remove the file when what they test has changed

Examples:
  pnpm test:faults --rounds 50 --jobs 8 --kept /tmp/rounds.jsonl --save docs/faults.md
  pnpm test:faults --only "kill -9 of a trainer" --rounds 20
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    // Most of a round is waiting: for trainers to train, backends to come back, closings to give up.
    jobs: { type: 'string', default: '6' },
    save: { type: 'string' },
    kept: { type: 'string' },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
process.env['NODE_COMPILE_CACHE'] ??= path.join(import.meta.dirname, '..', '..', '.cache', 'compiled');

const asked = Number(values.rounds);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000_000) : Number(values.seed);
const jobs = Number(values.jobs);
const kept = new KeptRounds(values.kept);
const chosen = cells.filter((cell) => cellName(cell).includes(values.only) && cell.missing === undefined);
const missing = new Set(cells.flatMap((cell) => cell.missing ?? []));
for (const reason of missing) console.warn(`some cells are left out: ${reason}`);

// A round of every cell after the other, so that wherever it ends each has been played as often. Within a round those of many
// processes come first, and then those that take long, so that none is left over at the end with nothing beside it.
const queue = Array.from({ length: asked }, (_, round) =>
  chosen
    .filter((cell) => round >= kept.of(cell).length && round < roundsOf(cell, asked))
    .toSorted((one, other) => urgency(other) - urgency(one))
    .map((cell) => ({ cell, round })),
).flat();
console.log(`seed ${seed}: ${queue.length} rounds of ${chosen.length} cells`);

const started = performance.now();
const slots = new Slots(jobs);
let played = 0;
await Promise.all(
  queue.map(async ({ cell, round }) => {
    const result = await slots.use(slotsOf(cell), () => playCellRound(cell, seed + round));
    kept.keep(cell, result);
    played += 1;
    const verdict = result.problems.length === 0 ? 'ok    ' : 'FAILED';
    console.log(`${verdict} ${cellName(cell)}: ${result.seconds.toFixed(1)} s; ${progress()}`);
    if (result.problems.length > 0) console.log(describeFailures(summarise(cell, [result])));
  }),
);

function progress(): string {
  const minutes = (performance.now() - started) / 60_000;
  const left = (minutes * (queue.length - played)) / played;
  return `${played} of ${queue.length} rounds in ${minutes.toFixed(1)} minutes, ${left.toFixed(0)} to go`;
}

function urgency(cell: Cell): number {
  return slotsOf(cell) + (cell.mostRounds === undefined ? 0 : 0.5);
}

/** Dozens of processes have the machine to themselves. */
function slotsOf({ processes = 1 }: Cell): number {
  return Math.min(jobs, Math.ceil(processes / PROCESSES_A_SLOT));
}

const results = chosen.map((cell) => summarise(cell, kept.of(cell)));
const page = await faultsPage(results);
console.log(page);
if (values.save !== undefined) writeFileSync(values.save, page);
const failed = results.filter(({ failures }) => failures.length > 0);
if (failed.length > 0) {
  console.error(`${failed.length} cells failed`);
  process.exitCode = 1;
}
