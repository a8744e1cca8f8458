import { expect, it } from 'vitest';
import type { CliStream } from './command.ts';
import { createProgress, type Progress } from './progress.ts';

function watch(stream: Omit<CliStream, 'write'>): {
  readonly written: string[];
  readonly progress: Progress;
  readonly wait: (ms: number) => void;
} {
  const written: string[] = [];
  let now = 1_000_000;
  const progress = createProgress('run-1', { ...stream, write: (text) => written.push(text) }, () => now);
  return { written, progress, wait: (ms) => (now += ms) };
}

it('draws a bar on a terminal, over itself, and takes it away', () => {
  const { written, progress, wait } = watch({ isTTY: true, columns: 120 });
  wait(1000);
  progress.update(250, 1000);
  wait(1000);
  progress.update(1000, 1000);
  progress.end();
  progress.end();
  expect(written).toEqual([
    '\r\u001B[2K[#####---------------] run-1  25 %  250 of 1,000 records  250/s  3.0 s left',
    '\r\u001B[2K[####################] run-1  100 %  1,000 of 1,000 records  500/s  0.0 s left',
    '\r\u001B[2K',
  ]);
});

it('shows nothing of short work, and nothing where there is no work', () => {
  const { written, progress, wait } = watch({ isTTY: true });
  wait(299);
  progress.update(1, 2);
  wait(1000);
  progress.update(0, 0);
  progress.end();
  expect(written).toEqual([]);
});

it('fits its line to the terminal', () => {
  const { written, progress, wait } = watch({ isTTY: true, columns: 40 });
  wait(1000);
  progress.update(1, 2);
  expect(written).toEqual(['\r\u001B[2Krun-1  50 %  1 of 2 records  1/s  1.0 s']);
});

it.each([undefined, 0])('takes a terminal of width %s for one of 80', (columns) => {
  const { written, progress, wait } = watch({ isTTY: true, columns });
  wait(1000);
  progress.update(1, 2);
  expect(written.join('')).toContain('[##########----------] run-1  50 %');
});

it('prints a line every five seconds elsewhere', () => {
  const { written, progress, wait } = watch({});
  for (let second = 1; second <= 12; second += 1) {
    wait(1000);
    progress.update(second * 10, 1000);
  }
  progress.end();
  expect(written).toEqual([
    'run-1  5 %  50 of 1,000 records  10/s  1 min 35 s left\n',
    'run-1  10 %  100 of 1,000 records  10/s  1 min 30 s left\n',
  ]);
});

it('says that it waits while nothing has been taken', () => {
  const { written, progress, wait } = watch({});
  wait(5000);
  progress.update(0, 10);
  expect(written).toEqual(['run-1  0 %  0 of 10 records  0/s  waiting\n']);
});

it('prints lines of others without a bar in their middle', () => {
  const { written, progress, wait } = watch({ isTTY: true, columns: 120 });
  progress.print('first');
  wait(1000);
  progress.update(1, 2);
  progress.print('second');
  expect([written[0], ...written.slice(2)]).toEqual(['first\n', '\r\u001B[2K', 'second\n']);
});
