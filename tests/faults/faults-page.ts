// The result as a page of Markdown: one row a cell, the failures with the seeds that repeat them.
import { format } from 'prettier';
import { describeFailures, type CellResult } from './play-cell.ts';

export async function faultsPage(results: readonly CellResult[], seed: number, minutes: number): Promise<string> {
  const rounds = results.reduce((sum, result) => sum + result.rounds, 0);
  const failures = results.reduce((sum, result) => sum + result.failures.length, 0);
  const rows = results.map(({ cell, rounds: played, failures: failed, records, measured }) => {
    const notes = [...measured]
      .map(([name, milliseconds]) => `${name} at most ${Math.round(milliseconds)} ms`)
      .join(', ');
    return `| ${cell.fault} | ${cell.sinks} | ${cell.host} | ${played} | ${records} | ${failed.length} | ${notes} |`;
  });
  const failing = results.filter((result) => result.failures.length > 0);
  const page = [
    '# What dies and fails, and what comes of it',
    '',
    'Each round starts real processes, lets something die or fail at a random moment, recovers, and then reads log, rows,',
    'event files and backend from outside: every record whose call had returned is in the log, and every record of the log is',
    'in each sink once, in order within its writer. Made by `pnpm test:faults --save docs/faults.md`.',
    '',
    `${rounds} rounds, ${failures} failures, seed ${seed}, ${minutes.toFixed(1)} minutes, Node ${process.version} on ${process.platform}.`,
    '',
    '| what dies or fails | sinks | host | rounds | records judged | failures | measured |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...(failing.length === 0
      ? []
      : ['## Failures', '', '```', ...failing.map((result) => describeFailures(result)), '```', '']),
  ].join('\n');
  return format(page, { parser: 'markdown' });
}
