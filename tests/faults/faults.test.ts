// Two rounds of every cell, with choices of their own in each run of the suite. `pnpm test:faults` plays more of them.
import { describe, expect, it } from 'vitest';
import { cellName } from './cell.ts';
import { cells } from './cells.ts';
import { describeFailures, playCell } from './play-cell.ts';

const ROUNDS = 2;
const TIMEOUT_MS = 170_000;

const seed = Math.floor(Math.random() * 1_000_000_000);
const played = cells.filter(({ long }) => !long).map((cell) => ({ name: cellName(cell), cell }));

// Rounds mostly wait, for trainers to train and backends to come back.
describe.concurrent('each record is in each sink exactly once after', () => {
  it.for(played)('$name', { timeout: TIMEOUT_MS }, async ({ cell }, { skip }) => {
    skip(cell.missing !== undefined, cell.missing);
    expect(describeFailures(await playCell(cell, seed, ROUNDS))).toBe('');
  });
});
