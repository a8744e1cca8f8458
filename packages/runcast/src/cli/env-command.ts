/** `runcast env`: every variable, and what is wrong with those that are set. */

import { describeConfiguration, inspectConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { writeJson } from './json-output.ts';
import type { ParsedArguments } from './parse-arguments.ts';
import { styleFor } from './terminal-style.ts';
import { markdownTable, textTable } from './text-table.ts';

export const envCommand: Command = {
  name: 'env',
  usage: '[--json | --markdown]',
  summary: 'show every variable: its type, default, value and meaning',
  details: `Shows every variable that Runcast reads, with its value in this environment; secrets are not shown. Names what is
wrong with the environment; the exit code is then 1.`,
  options: [
    { name: 'json', meaning: 'print JSON' },
    { name: 'markdown', meaning: 'print a Markdown table of variables, types, defaults and meanings' },
  ],
  examples: [
    { command: 'runcast env', meaning: 'what is set, and what could be' },
    { command: `runcast env --json | jq '.problems'`, meaning: 'what is wrong' },
  ],
  maxPositionals: 0,
  run: showEnvironment,
};

function showEnvironment(args: ParsedArguments, context: CliContext): ExitCode {
  const { env, stdout, stderr } = context;
  const { problems, warnings } = inspectConfiguration(env, context.cwd);
  const exitCode = problems.length > 0 ? 1 : 0;
  if (args.has('markdown')) {
    // For documentation, so without anything of this environment.
    const rows = describeConfiguration({}).map((variable) => [
      `\`${variable.variable}\``,
      variable.type,
      variable.default === '' ? '' : `\`${variable.default}\``,
      variable.meaning,
    ]);
    stdout.write(markdownTable(['variable', 'type', 'default', 'meaning'], rows));
    return 0;
  }
  const variables = describeConfiguration(env);
  if (args.has('json')) {
    writeJson(stdout, {
      variables: variables.map((variable) => ({ ...variable, value: variable.value ?? null })),
      problems,
      warnings,
    });
    return exitCode;
  }
  const style = styleFor(stdout, env);
  const header = ['VARIABLE', 'VALUE', 'DEFAULT', 'TYPE', 'MEANING'].map((title) => style('dim', title));
  const rows = variables.map(({ variable, value, default: byDefault, type, meaning }) => [
    variable,
    value === undefined ? '' : style('bold', value),
    byDefault,
    type,
    meaning,
  ]);
  stdout.write(textTable([header, ...rows]));
  const errorStyle = styleFor(stderr, env);
  for (const { variable, message } of problems)
    stderr.write(`${errorStyle('red', 'problem:')} ${variable} ${message}\n`);
  for (const warning of warnings) stderr.write(`${errorStyle('yellow', 'warning:')} ${warning}\n`);
  return exitCode;
}
