/** `runcast doctor`: whether runs can be logged and delivered here, and what to do where they cannot. */

import type { CliContext, Command, ExitCode } from './command.ts';
import { runChecks, type CheckResult } from './doctor-checks.ts';
import { writeJson } from './json-output.ts';
import type { ParsedArguments } from './parse-arguments.ts';
import { styleFor } from './terminal-style.ts';
import { textTable } from './text-table.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[--json]',
  summary: 'check that runs can be logged and delivered here',
  details: `Tries, in this environment, what a run needs: the version of Node.js, the variables, the run directory and its lease,
the worker thread, each sink that is on, and whether runs are still owed to a sink. Leaves nothing behind. The
exit code is 1 where something fails.`,
  options: [{ name: 'json', meaning: 'print JSON' }],
  examples: [{ command: 'JSONL__ENABLED=true runcast doctor', meaning: 'before a first run' }],
  maxPositionals: 0,
  run: diagnose,
};

async function diagnose(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  const checks = await runChecks(context);
  const healthy = checks.every(({ status }) => status !== 'fail');
  if (args.has('json')) {
    writeJson(context.stdout, {
      ok: healthy,
      checks: checks.map((check) => ({ ...check, advice: check.advice ?? null })),
    });
  } else {
    const style = styleFor(context.stdout, context.env);
    context.stdout.write(
      textTable(
        checks.map((result) => [style(COLOURS[result.status], result.status), result.check, outcomeText(result)]),
      ),
    );
  }
  return healthy ? 0 : 1;
}

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function outcomeText({ finding, advice }: CheckResult): string {
  return advice === undefined ? finding : `${finding}: ${advice}`;
}
