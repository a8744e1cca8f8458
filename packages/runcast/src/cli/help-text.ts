/** Help, made from the commands' definitions, so that it cannot say anything they do not do. */

import type { Command } from './command.ts';
import { HELP_OPTION } from './parse-arguments.ts';
import type { Style } from './terminal-style.ts';
import { textTable } from './text-table.ts';

export function generalHelp(commands: readonly Command[], style: Style): string {
  const names = indented(commands.map(({ name, summary }) => [name, summary]));
  const options = indented([
    ['-h, --help', HELP_OPTION.meaning],
    ['--version', 'show the version'],
  ]);
  return `Log a training run once; read it everywhere; lose nothing.

${style('bold', 'Usage')}
  runcast <command> [options]

${style('bold', 'Commands')}
${names}
${style('bold', 'Options')}
${options}
runcast <command> --help shows what a command does, with examples.
`;
}

export function commandHelp(command: Command, style: Style): string {
  const options = [
    ...command.options.map(({ name, value, meaning }) => [
      value === undefined ? `--${name}` : `--${name} ${value}`,
      meaning,
    ]),
    ['-h, --help', HELP_OPTION.meaning],
  ];
  const examples = command.examples.map((example) => [example.command, example.meaning]);
  return `${style('bold', 'Usage')}
  runcast ${command.name} ${command.usage}

${command.details}

${style('bold', 'Options')}
${indented(options)}
${style('bold', 'Examples')}
${indented(examples)}`;
}

function indented(rows: readonly (readonly string[])[]): string {
  return textTable(rows).replaceAll(/^/gmu, '  ').trimEnd().concat('\n');
}
