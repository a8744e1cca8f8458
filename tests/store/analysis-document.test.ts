// What docs/analysis.md shows: each of its commands prints what stands below it, for a sweep that is made here.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../faults/seeded-random.ts';
import { buildStore, type BuiltRun } from '../support/store-builder.ts';

const TOP = path.join(import.meta.dirname, '..', '..');
const BIN = path.join(TOP, 'packages', 'runcast', 'src', 'bin.ts');
const DOCUMENT = readFileSync(path.join(TOP, 'docs', 'analysis.md'), 'utf8');
const LEARNING_RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2];
const OPTIMIZERS = ['adam', 'lion', 'sgd'];

/** Eighteen runs: three optimizers with six learning rates, the highest of which is too much for one of them. */
function sweep(): readonly BuiltRun[] {
  return OPTIMIZERS.flatMap((optimizer, of) =>
    LEARNING_RATES.map((lr, at): BuiltRun => {
      const index = of * LEARNING_RATES.length + at;
      const random = seededRandom(index, 'sweep');
      const noise = (): number => random.next() + random.next() + random.next() - 1.5;
      const diverges = optimizer === 'sgd' && lr === 3e-2;
      const reached = 0.5 + 0.08 * of - 0.12 * (Math.log10(lr) + 4) + 0.02 * noise();
      const pace = (40 + 40 * of) / (Math.log10(lr) + 5);
      const loss = (step: number): number => reached + 2.5 * Math.exp(-step / pace);
      const blownUp = (step: number): number => (diverges && step > 180 ? 1.06 ** (step - 180) : 1);
      const config = {
        optimizer,
        lr,
        batch_size: index % 4 < 2 ? 32 : 64,
        accumulation: index % 4 < 2 ? 2 : 1,
        dropout: [0, 0.1, 0.2][random.integer(0, 2)] ?? 0,
        seed: 7,
      };
      const steps = Array.from({ length: 300 }, (_, step) => ({
        step: step * 10,
        metrics: {
          'train/loss':
            diverges && step > 270
              ? 'NaN'
              : loss(step) * blownUp(step) + 0.04 * noise() + (index === 7 && step === 210 ? 1.2 : 0),
          'train/grad_norm': diverges && step > 270 ? 'NaN' : (1 + 0.1 * noise()) * blownUp(step) ** 2,
          'objective/energy': reached + 2.5 * Math.exp(-step / (4 * pace)) + 0.05 * noise(),
          'objective/mass': 0.4 + Math.abs(step - 120) / (index === 7 ? 300 : -3000) + 0.02 * noise(),
        },
      }));
      const epochs = Array.from({ length: 30 }, (_, epoch) => ({
        kind: 'validation',
        axis: 'epoch',
        step: epoch,
        metrics: {
          'val/loss': diverges && epoch > 26 ? 'NaN' : loss(epoch * 10) * blownUp(epoch * 10) + 0.1 + 0.01 * noise(),
        },
      }));
      const history = [...steps, ...epochs];
      return {
        id: `run-${String(index + 1).padStart(2, '0')}`,
        row: { name: `${optimizer} ${lr}`, started_at: index },
        config,
        summary: { ...steps.at(-1)?.metrics, ...epochs.at(-1)?.metrics },
        history: history.map((row, seq) => ({ seq, ...row })),
      };
    }),
  );
}

let cwd = '';

beforeAll(async () => {
  cwd = mkdtempSync(path.join(tmpdir(), 'runcast-analysis-'));
  mkdirSync(path.join(cwd, 'runs'));
  await buildStore(`sqlite:${path.join(cwd, 'runs', 'runcast.db')}`, sweep());
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const sessions = [...DOCUMENT.matchAll(/```text\n\$ (?<command>runcast .*)\n(?<output>[^]*?)```/gu)].map(
  ({ groups }) => [groups?.['command'] ?? '', groups?.['output'] ?? ''] as const,
);

it('has sessions', () => {
  expect(sessions.length).toBeGreaterThanOrEqual(3);
});

it.each(sessions)('%s', (command, output) => {
  const shell = command.replace(/^runcast /u, `"${process.execPath}" "${BIN}" `);
  expect(execFileSync('sh', ['-c', shell], { cwd, encoding: 'utf8' })).toBe(output);
});

it('has a figure that the command draws', () => {
  const drawn = readFileSync(path.join(cwd, 'sweep.svg'), 'utf8');
  const shown = readFileSync(path.join(TOP, 'docs', 'images', 'sweep.svg'), 'utf8');
  expect(drawn).toBe(shown);
});
