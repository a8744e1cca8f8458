import { expect, it } from 'vitest';
import { readFaultsPage } from './faults-summary.ts';

const PAGE = `# What dies

5 rounds, 1 failures.

## \`kill -9\`

Nothing is lost.

| what dies or fails | sinks | host | rounds | records judged | failures | measured |
| --- | --- | --- | --- | --- | --- | --- |
| kill: yielding | jsonl + tensorboard | worker | 3 | 348 | 0 | |
| kill: busy | jsonl | both | 2 | 12 | 1 | takeover at most 7 ms |

## Failures

| none | of | these | 7 | 7 | 7 | |
`;

it('sums up what was seen of each promise', () => {
  expect(readFaultsPage(PAGE)).toEqual([
    {
      what: '`kill -9`',
      holds: 'Nothing is lost.',
      sinks: ['jsonl', 'tensorboard'],
      hosts: ['worker', 'inline'],
      rounds: 5,
      failures: 1,
    },
  ]);
});

it('does not pass over a promise of which nothing was seen', () => {
  expect(() => readFaultsPage('## The disk\n\nAll is well.\n')).toThrow('no table for "The disk"');
});
