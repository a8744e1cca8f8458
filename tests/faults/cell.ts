// A cell of the table: one thing that dies or fails, with certain sinks, in a certain host. A round of it is played with
// choices from a seed, in a folder of its own, and comes to what was found wrong.
import type { PromiseName } from './promises.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Host } from './trainer-settings.ts';

export interface Round {
  readonly random: SeededRandom;
  /** Empty when the round begins. */
  readonly folder: string;
  /** So many records were looked for in each sink: rounds that judge nothing would pass too. */
  judged(records: number): void;
  /** Something measured that the table should say, such as how long a takeover took. The greatest of all rounds is shown. */
  measure(name: string, milliseconds: number): void;
  /** Something counted that the table should say, such as how many rows a backend lacked. The sum of all rounds is shown. */
  count(name: string, number: number): void;
}

export interface Cell {
  /** What it holds Runcast to. */
  readonly promise: PromiseName;
  /** What dies or fails. */
  readonly fault: string;
  readonly sinks: string;
  readonly host: Host | 'both';
  /** Rounds worth playing at most: the cell leaves nothing to chance. Any number where left out. */
  readonly mostRounds?: number;
  /** How many processes it keeps busy at once; one where left out. */
  readonly processes?: number;
  /** What it needs and is not here, with the reason; then it is not played. */
  readonly missing?: string | undefined;
  /** Played only when asked for rounds by the command, not in the test suite. */
  readonly long: boolean;
  /** Everything that was found wrong; none where the promise holds. */
  readonly play: (round: Round) => Promise<readonly string[]>;
}

export function cellName({ fault, sinks, host }: Cell): string {
  return `${fault}, ${sinks}, ${host}`;
}
