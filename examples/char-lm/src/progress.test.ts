import { describe, expect, test } from 'vitest';
import { formatDuration, Progress } from './progress.ts';

interface Scene {
  readonly progress: Progress;
  readonly written: string[];
  readonly passMs: (ms: number) => void;
}

function createScene(interactive: boolean, columns?: number): Scene {
  const written: string[] = [];
  let now = 5000;
  const progress = new Progress({
    totalSteps: 1000,
    terminal: { isTTY: interactive, columns, write: (text) => written.push(text) },
    interactive,
    paint: (_style, text) => text,
    now: () => now,
  });
  return { progress, written, passMs: (ms) => (now += ms) };
}

describe('where lines cannot be redrawn', () => {
  test('a plain line comes every three seconds', () => {
    const { progress, written, passMs } = createScene(false);
    progress.onValidation({ step: 0, loss: 4.25 });
    for (let step = 1; step <= 700; step += 1) {
      passMs(10);
      progress.onStep({ step, loss: 2 });
    }
    expect(written).toEqual([
      '30 %  0:07 left  loss 2.000  val 4.250  100 steps/s  step 300/1000\n',
      '60 %  0:04 left  loss 2.000  val 4.250  100 steps/s  step 600/1000\n',
    ]);
  });

  test('the end is told whenever it comes', () => {
    const { progress, written, passMs } = createScene(false);
    passMs(500);
    progress.onStep({ step: 1000, loss: 1.5 });
    progress.onValidation({ step: 1000, loss: 1.6 });
    progress.finish();
    expect(written).toEqual(['100 %  0:00 left  loss 1.500  val 1.600  2000 steps/s  step 1000/1000\n']);
  });
});

describe('on a terminal', () => {
  test('one line is redrawn ten times a second, and left at the end', () => {
    const { progress, written, passMs } = createScene(true, 120);
    for (let step = 1; step <= 250; step += 1) {
      passMs(1);
      progress.onStep({ step, loss: 3 });
    }
    progress.finish();
    expect(written).toEqual([
      '\r\u{1B}[K██░░░░░░░░░░░░░░░░░░░░░░  10 %  0:01 left  loss 3.000  val -  1000 steps/s  step 100/1000',
      '\r\u{1B}[K█████░░░░░░░░░░░░░░░░░░░  20 %  0:01 left  loss 3.000  val -  1000 steps/s  step 200/1000',
      '\r\u{1B}[K██████░░░░░░░░░░░░░░░░░░  25 %  0:01 left  loss 3.000  val -  1000 steps/s  step 250/1000',
      '\n',
    ]);
  });

  test.each([undefined, 80, 60, 40])('a line fits into %s columns', (columns) => {
    const { progress, written, passMs } = createScene(true, columns);
    passMs(200);
    progress.onStep({ step: 123, loss: 3 });
    expect(written).toHaveLength(1);
    expect(written[0]?.replace('\r\u{1B}[K', '').length).toBeLessThan(columns ?? 80);
    expect(written[0]).toContain('12 %');
  });
});

test('the shown loss follows single batches slowly', () => {
  const { progress, written, passMs } = createScene(false);
  progress.onStep({ step: 1, loss: 2 });
  passMs(3000);
  progress.onStep({ step: 2, loss: 3 });
  expect(written[0]).toContain('loss 2.020');
});

test('before the first step nothing is known', () => {
  const { progress, written } = createScene(false);
  progress.finish();
  expect(written).toEqual(['0 %  -:-- left  loss -  val -  0 steps/s  step 0/1000\n']);
});

test.each([
  [0, '0:00'],
  [59.2, '1:00'],
  [61, '1:01'],
  [3600, '60:00'],
  [Infinity, '-:--'],
  [NaN, '-:--'],
])('%s s are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
