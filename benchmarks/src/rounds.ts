/**
 * Runs contenders in turn, each time in a fresh process: A B C, A B C, … A machine gets slower and faster while it works, so
 * only neighbours are compared: ratios are taken within a round, and the median is over the rounds.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Benchmark, Command, Contender, Scale, Target } from './benchmark.ts';

/** What one process printed, by figure. */
type Measurement = Readonly<Record<string, number>>;

/** By contender, the measurements of all rounds in order. */
export type Rounds = ReadonlyMap<string, readonly Measurement[]>;

const workspace = path.join(import.meta.dirname, '..', '..');

/** Not the system's temporary directory, which may be held in memory: files are to go where a trainer's would go. */
const scratch = path.join(workspace, '.cache', 'bench-runs');

const measurement = z.record(z.string(), z.number());

/** Runs every contender that is not missing `rounds` times. Rejects where one fails or prints no figures. */
export async function runRounds(
  benchmark: Benchmark,
  rounds: number,
  scale: Scale,
  onRound: (round: number) => void,
): Promise<Rounds> {
  const present = benchmark.contenders.filter(({ missing }) => missing === undefined);
  const results = new Map<string, readonly Measurement[]>(present.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    onRound(round);
    for (const contender of present) {
      const measured = await runOnce(contender, scale);
      results.set(contender.name, [...(results.get(contender.name) ?? []), measured]);
    }
  }
  return results;
}

async function runOnce(contender: Contender, scale: Scale): Promise<Measurement> {
  mkdirSync(scratch, { recursive: true });
  const directory = mkdtempSync(path.join(scratch, 'run-'));
  try {
    const output = await outputOf(contender.command({ scale, directory }));
    return measurement.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
  } catch (error) {
    throw new Error(`${contender.name} failed`, { cause: error });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What the command wrote to its standard output. Rejects with what it wrote to the other where it fails. */
function outputOf({ file, args }: Command): Promise<string> {
  // Runcast is measured as it is installed: neither its sources nor a caller's Node options come into it.
  const child = spawn(file, args, {
    cwd: path.join(workspace, 'benchmarks'),
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let problem = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (problem += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`ended with ${signal ?? `code ${code}`}: ${problem.trim()}`));
    });
  });
}

/** A figure of a contender in every round; empty where the contender is missing. */
export function valuesOf(rounds: Rounds, contender: string, figure: string): readonly number[] {
  return (rounds.get(contender) ?? []).flatMap((measured) => measured[figure] ?? []);
}

/** What a target bounds, in every round; empty where a contender is missing. */
export function targetValues(rounds: Rounds, { of, over }: Target): readonly number[] {
  const values = valuesOf(rounds, of.contender, of.figure);
  return over === undefined ? values : ratios(values, valuesOf(rounds, over.contender, over.figure));
}

/** Element by element. */
export function ratios(values: readonly number[], over: readonly number[]): readonly number[] {
  return values.flatMap((value, round) => {
    const divisor = over[round];
    return divisor === undefined ? [] : [value / divisor];
  });
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}
