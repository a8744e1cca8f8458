// Rounds that have been played, a line of JSON each in a file, so that hours of them can be played in several sittings.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { cellName, type Cell } from './cell.ts';
import type { RoundResult } from './play-cell.ts';

const LINE = z.strictObject({
  cell: z.string(),
  seed: z.number(),
  problems: z.array(z.string()),
  folder: z.string(),
  seconds: z.number(),
  records: z.number(),
  measured: z.record(z.string(), z.number()),
  counted: z.record(z.string(), z.number()).default({}),
});

export class KeptRounds {
  readonly #rounds = new Map<string, RoundResult[]>();
  readonly #file: string | undefined;

  /** @param file Where they are kept; nowhere, for this sitting only, where left out. */
  constructor(file: string | undefined) {
    this.#file = file;
    if (file === undefined || !existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const { cell, measured, counted, ...round } = LINE.parse(JSON.parse(line));
      this.#listOf(cell).push({
        ...round,
        measured: new Map(Object.entries(measured)),
        counted: new Map(Object.entries(counted)),
      });
    }
  }

  of(cell: Cell): readonly RoundResult[] {
    return this.#listOf(cellName(cell));
  }

  keep(cell: Cell, round: RoundResult): void {
    this.#listOf(cellName(cell)).push(round);
    if (this.#file === undefined) return;
    const { measured, counted, ...rest } = round;
    const line = {
      cell: cellName(cell),
      ...rest,
      measured: Object.fromEntries(measured),
      counted: Object.fromEntries(counted),
    };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  #listOf(name: string): RoundResult[] {
    const rounds = this.#rounds.get(name) ?? [];
    this.#rounds.set(name, rounds);
    return rounds;
  }
}
