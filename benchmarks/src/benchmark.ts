/**
 * What a benchmark is: contenders, each a command run in a process of its own, the figures that each of them prints, and
 * what we promise of those figures.
 */

/** How much of the full work is done. `quick` is for trying a change, not for quoting. */
export type Scale = 'full' | 'quick';

/** What a contender's process is given. */
interface Workload {
  readonly scale: Scale;
  /** An empty directory on a disk, removed after the process has ended. */
  readonly directory: string;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

export interface Contender {
  readonly name: string;
  /** The command; its last line of output is a JSON object of numbers, by the names of the benchmark's figures. */
  readonly command: (workload: Workload) => Command;
  /** Why it cannot run here, if it cannot. */
  readonly missing?: string;
}

/** A number that contenders print. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
}

/** A figure of one contender. */
interface Operand {
  readonly contender: string;
  readonly figure: string;
}

/** A bound on one contender's figure or, with `over`, on its ratio to another's in the same round. */
export interface Target {
  readonly promise: string;
  readonly of: Operand;
  readonly over?: Operand;
  readonly bound: 'at least' | 'at most' | 'below';
  readonly value: number;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** How often each contender runs. */
  readonly rounds: Readonly<Record<Scale, number>>;
  readonly contenders: readonly Contender[];
  readonly figures: readonly Figure[];
  /** The contender to which the table's ratios relate. */
  readonly reference: string;
  readonly targets: readonly Target[];
}
