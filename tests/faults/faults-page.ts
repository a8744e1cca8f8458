// The result as a page of Markdown: a section for each promise, with what was seen of it, and the failures with the seeds
// that repeat them. The README's table is made of the sections: see scripts/faults-summary.ts.
import { format } from 'prettier';
import { describeFailures, type CellResult } from './play-cell.ts';
import { PROMISES, type PromiseName } from './promises.ts';

export async function faultsPage(results: readonly CellResult[]): Promise<string> {
  const rounds = sum(results, (result) => result.rounds);
  const failures = sum(results, (result) => result.failures.length);
  const hours = sum(results, (result) => result.seconds) / 3600;
  const failing = results.filter((result) => result.failures.length > 0);
  const page = [
    '# What dies and fails, and what comes of it',
    '',
    'Each round starts real processes, lets something die or fail at a random moment, recovers, and then reads log, rows,',
    'event files and backend from outside: every record whose call had returned is in the log, and every record of the log is',
    'in each sink once, in order within its writer. Made by `pnpm test:faults --save docs/faults.md`.',
    '',
    `${rounds} rounds of ${results.length} cells, ${failures} failures. One after the other they take ${hours.toFixed(1)} hours, most of it waiting. Node ${process.version} on ${process.platform}.`,
    '',
    ...promiseNames().flatMap((name) => section(name, results)),
    ...(failing.length === 0
      ? []
      : ['## Failures', '', '```', ...failing.map((result) => describeFailures(result)), '```', '']),
  ].join('\n');
  return format(page, { parser: 'markdown' });
}

function promiseNames(): readonly PromiseName[] {
  const names: readonly string[] = Object.keys(PROMISES);
  return names.filter((name): name is PromiseName => name in PROMISES);
}

function section(name: PromiseName, results: readonly CellResult[]): readonly string[] {
  const rows = results
    .filter(({ cell }) => cell.promise === name)
    .map(({ cell, rounds: played, failures: failed, records, measured, counted }) => {
      const notes = [
        ...[...measured].map(([what, milliseconds]) => `${what} at most ${Math.round(milliseconds)} ms`),
        ...[...counted].map(([what, number]) => `${what}: ${number}`),
      ].join(', ');
      return `| ${cell.fault} | ${cell.sinks} | ${cell.host} | ${played} | ${records} | ${failed.length} | ${notes} |`;
    });
  if (rows.length === 0) return [];
  const { what, holds } = PROMISES[name];
  return [
    `## ${what}`,
    '',
    `${holds}.`,
    '',
    '| what dies or fails | sinks | host | rounds | records judged | failures | measured |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ];
}

function sum(results: readonly CellResult[], count: (result: CellResult) => number): number {
  return results.reduce((total, result) => total + count(result), 0);
}
