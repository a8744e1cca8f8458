/**
 * How a long delivery is coming along: a bar that redraws itself on a terminal, a line now and then elsewhere. Short work
 * shows neither.
 */

import type { CliStream } from './command.ts';
import { formatCount, formatDuration, formatRecords } from './quantities.ts';

/** Work is long once it has taken this. */
const BAR_AFTER_MS = 300;
const LINE_INTERVAL_MS = 5_000;
const BAR_WIDTH = 20;
const CLEAR_LINE = '\r\u001B[2K';

export interface Progress {
  /** `done` of `total` records, or what else it is about, have been dealt with. */
  update(done: number, total: number): void;
  /** Prints a line of its own, without a bar in its middle. */
  print(text: string): void;
  /** Takes the bar away. */
  end(): void;
}

/** @param amount What `total` is of, as in `27,000 records`. */
export function createProgress(
  label: string,
  stream: CliStream,
  nowMs: () => number,
  amount: (total: number) => string = formatRecords,
): Progress {
  const startedMs = nowMs();
  const redraws = stream.isTTY === true;
  let shownAtMs = startedMs;
  let drawn = false;
  const end = (): void => {
    if (drawn) stream.write(CLEAR_LINE);
    drawn = false;
  };
  return {
    update(done, total) {
      const now = nowMs();
      const elapsedMs = now - startedMs;
      const due = redraws ? elapsedMs >= BAR_AFTER_MS : now - shownAtMs >= LINE_INTERVAL_MS;
      if (!due || total === 0) return;
      const text = `${label}  ${progressText(done, total, elapsedMs, amount)}`;
      shownAtMs = now;
      drawn = redraws;
      stream.write(redraws ? CLEAR_LINE + fitted(text, done / total, stream.columns) : `${text}\n`);
    },
    print(text) {
      end();
      stream.write(`${text}\n`);
    },
    end,
  };
}

/** `45 %  12,345 of 27,000 records  8,200/s  2 s left`. */
function progressText(done: number, total: number, elapsedMs: number, amount: (total: number) => string): string {
  const perSecond = (done / Math.max(1, elapsedMs)) * 1000;
  const eta = perSecond > 0 ? `${formatDuration((total - done) / perSecond)} left` : 'waiting';
  return `${Math.floor((done / total) * 100)} %  ${formatCount(done)} of ${amount(total)}  ${formatCount(perSecond)}/s  ${eta}`;
}

/** A line that wraps could not be taken away again. */
function fitted(text: string, fraction: number, given: number | undefined): string {
  // A terminal that does not know its width says 0.
  const columns = given === undefined || given === 0 ? 80 : given;
  const filled = Math.round(Math.min(1, fraction) * BAR_WIDTH);
  const withBar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${text}`;
  return (withBar.length < columns ? withBar : text).slice(0, columns - 1);
}
