// The command: plays rounds of every cell, or of those named, and prints what came of it.
//
//   pnpm test:faults --rounds 50 [--seed <number>] [--only <part of a cell's name>] [--jobs <number>] [--save <file>]
// Its processes run the built packages, and share what V8 has compiled of them: a round would else be mostly their start.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { cellName } from './cell.ts';
import { cells } from './cells.ts';
import { faultsPage } from './faults-page.ts';
import { describeFailures, playCell, type CellResult } from './play-cell.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
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
const queue = chosen.entries();
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    for (const [index, cell] of queue) {
      const result = await playCell(cell, seed, rounds);
      results.set(index, result);
      console.log(`${result.failures.length === 0 ? 'ok    ' : 'FAILED'} ${cellName(cell)}`);
      if (result.failures.length > 0) console.log(describeFailures(result));
    }
  }),
);
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
