/** The loss curves, small enough for a terminal: a glance before TensorBoard is open. */

import type { Paint } from './terminal.ts';
import type { LossPoint, TrainingObserver } from './train.ts';

export interface ChartSize {
  /** Columns and rows of the plot itself, each at least 2. */
  readonly width: number;
  readonly height: number;
}

const TRAINING = '·';
const VALIDATION = '●';

/** Remembers the losses of a training and draws them. */
export class LossChart implements TrainingObserver {
  readonly #training: LossPoint[] = [];
  readonly #validation: LossPoint[] = [];

  onStep(point: LossPoint): void {
    this.#training.push(point);
  }

  onValidation(point: LossPoint): void {
    this.#validation.push(point);
  }

  /** The chart as lines; empty where nothing was logged. Training losses are averaged over the steps of a column. */
  draw({ width, height }: ChartSize, paint: Paint): string {
    const lastStep = Math.max(1, this.#training.at(-1)?.step ?? 0, this.#validation.at(-1)?.step ?? 0);
    const columnOf = (step: number): number => Math.round((step / lastStep) * (width - 1));
    const training = meanPerColumn(this.#training, columnOf);
    const validation = meanPerColumn(this.#validation, columnOf);
    const losses = [...training.values(), ...validation.values()];
    if (losses.length === 0) return '';
    const least = Math.min(...losses);
    const greatest = Math.max(...losses);
    const rowOf = (loss: number): number => {
      const share = greatest > least ? (greatest - loss) / (greatest - least) : 0;
      return Math.round(share * (height - 1));
    };
    const cells = Array.from({ length: height }, () => Array.from({ length: width }, () => ' '));
    for (const [column, loss] of training) cells[rowOf(loss)]?.splice(column, 1, paint('cyan', TRAINING));
    for (const [column, loss] of validation) cells[rowOf(loss)]?.splice(column, 1, paint('yellow', VALIDATION));
    const lines = cells.map((row, index) => {
      const loss = greatest - (index / (height - 1)) * (greatest - least);
      return `${loss.toFixed(2).padStart(6)} ┤${row.join('')}`.trimEnd();
    });
    const axis = `${' '.repeat(7)}└${'─'.repeat(width)}`;
    const steps = `${' '.repeat(8)}0${`step ${lastStep}`.padStart(width - 1)}`;
    const legend = `${' '.repeat(8)}loss per character:  ${paint('cyan', TRAINING)} training  ${paint('yellow', VALIDATION)} held out`;
    return [...lines, axis, steps, legend].join('\n');
  }
}

function meanPerColumn(points: readonly LossPoint[], columnOf: (step: number) => number): ReadonlyMap<number, number> {
  const sums = new Map<number, { readonly sum: number; readonly count: number }>();
  for (const { step, loss } of points) {
    const { sum, count } = sums.get(columnOf(step)) ?? { sum: 0, count: 0 };
    sums.set(columnOf(step), { sum: sum + loss, count: count + 1 });
  }
  return new Map([...sums].map(([column, { sum, count }]) => [column, sum / count]));
}
