import { expect, test } from 'vitest';
import { LossChart } from './loss-chart.ts';

const plain = (_style: string, text: string): string => text;

test('draws both curves against the step', () => {
  const chart = new LossChart();
  chart.onValidation({ step: 0, loss: 4 });
  for (let step = 1; step <= 100; step += 1) chart.onStep({ step, loss: 3 - step / 50 });
  chart.onValidation({ step: 100, loss: 2 });
  expect(chart.draw({ width: 11, height: 4 }, plain)).toBe(
    [
      '  4.00 ┤●',
      '  3.02 ┤···',
      '  2.03 ┤   ·····  ●',
      '  1.05 ┤        ···',
      '       └───────────',
      '        0  step 100',
      '        loss per character:  · training  ● held out',
    ].join('\n'),
  );
});

test('a single value is a line of its own', () => {
  const chart = new LossChart();
  chart.onValidation({ step: 0, loss: 4 });
  expect(chart.draw({ width: 5, height: 2 }, plain).split('\n')[0]).toBe('  4.00 ┤●');
});

test('nothing logged, nothing drawn', () => {
  expect(new LossChart().draw({ width: 5, height: 2 }, plain)).toBe('');
});
