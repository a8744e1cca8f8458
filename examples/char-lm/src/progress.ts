/**
 * How far the training is: one line redrawn in place on an interactive terminal, a plain line every few seconds elsewhere,
 * so that a log file stays readable.
 */

import type { Paint, Terminal } from './terminal.ts';
import type { LossPoint, TrainingObserver } from './train.ts';

export interface ProgressOptions {
  readonly totalSteps: number;
  readonly terminal: Terminal;
  readonly interactive: boolean;
  readonly paint: Paint;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
}

const REDRAW_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 3000;
const BAR_WIDTH = 24;
/** The shown loss follows a batch's by this share, since single batches scatter. */
const SMOOTHING = 0.02;
const CLEAR_LINE = '\r\u{1B}[K';

export class Progress implements TrainingObserver {
  readonly #options: ProgressOptions;
  readonly #startedAt: number;
  #shownAt: number;
  #step = 0;
  #loss: number | undefined;
  #validationLoss: number | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#shownAt = this.#startedAt;
  }

  onStep({ step, loss }: LossPoint): void {
    this.#step = step;
    this.#loss = this.#loss === undefined ? loss : this.#loss + SMOOTHING * (loss - this.#loss);
    const now = this.#options.now();
    const interval = this.#options.interactive ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS;
    if (now - this.#shownAt >= interval) this.#show(now);
  }

  onValidation({ loss }: LossPoint): void {
    this.#validationLoss = loss;
  }

  /** Shows the last state and leaves the line. */
  finish(): void {
    this.#show(this.#options.now());
    if (this.#options.interactive) this.#options.terminal.write('\n');
  }

  #show(now: number): void {
    const { interactive, terminal } = this.#options;
    this.#shownAt = now;
    terminal.write(interactive ? `${CLEAR_LINE}${this.#bar(now)}` : `${this.#facts(now).join('  ')}\n`);
  }

  /** The facts from the right are left out where the line would be too long for the terminal. */
  #bar(now: number): string {
    const { terminal, paint, totalSteps } = this.#options;
    const filled = Math.round((BAR_WIDTH * this.#step) / totalSteps);
    let length = BAR_WIDTH;
    const fitting = this.#facts(now).filter((fact) => (length += fact.length + 2) < (terminal.columns ?? 80));
    const bar = paint('green', '█'.repeat(filled)) + paint('dim', '░'.repeat(BAR_WIDTH - filled));
    return [bar, ...fitting].join('  ');
  }

  #facts(now: number): readonly string[] {
    const { totalSteps } = this.#options;
    const seconds = (now - this.#startedAt) / 1000;
    const rate = seconds > 0 ? this.#step / seconds : 0;
    return [
      `${Math.floor((100 * this.#step) / totalSteps)} %`,
      `${formatDuration((totalSteps - this.#step) / rate)} left`,
      `loss ${formatLoss(this.#loss)}`,
      `val ${formatLoss(this.#validationLoss)}`,
      `${Math.round(rate)} steps/s`,
      `step ${this.#step}/${totalSteps}`,
    ];
  }
}

function formatLoss(loss: number | undefined): string {
  return loss === undefined ? '-' : loss.toFixed(3);
}

/** Seconds as `m:ss`, or `-:--` where it cannot be known. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-:--';
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
