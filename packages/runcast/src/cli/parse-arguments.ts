/** A command's arguments, checked against its definition, with a suggestion for what is misspelt. */

import { parseArgs } from 'node:util';
import { closestName } from '@runcast/core';

export interface OptionDefinition {
  /** Without its dashes. */
  readonly name: string;
  /** What stands for its value in the help, such as `<sink>`; left out for a switch. */
  readonly value?: string;
  readonly meaning: string;
}

/** The command line, or what it asks for, makes no sense: exit code 2, and where to read more. */
export class UsageError extends Error {
  readonly code = 'RUNCAST_USAGE';

  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export interface ParsedArguments {
  readonly positionals: readonly string[];
  /** Values of an option, in order; none where it was not given. */
  values(option: string): readonly string[];
  /** Whether an option was given. */
  has(option: string): boolean;
}

/** Every command answers these. */
export const HELP_OPTION: OptionDefinition = { name: 'help', meaning: 'show this help' };

/** Throws {@link UsageError} for options that do not exist or lack their value, and for too many arguments. */
export function parseArguments(
  argv: readonly string[],
  definitions: readonly OptionDefinition[],
  maxPositionals: number,
): ParsedArguments {
  const known = [...definitions, HELP_OPTION];
  const { tokens } = parseArgs({
    args: [...argv],
    options: {
      ...Object.fromEntries(
        known.map(({ name, value }) => [name, { type: value === undefined ? 'boolean' : 'string' }] as const),
      ),
      [HELP_OPTION.name]: { type: 'boolean', short: 'h' },
    },
    // Strictness would be one error without a suggestion.
    strict: false,
    tokens: true,
  });
  const given = new Map<string, readonly string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const definition = known.find(({ name }) => name === token.name);
    if (definition === undefined) throw new UsageError(unknownOption(token.rawName, token.name, known));
    given.set(token.name, [
      ...(given.get(token.name) ?? []),
      ...optionValue(definition, token.value, token.inlineValue ?? false),
    ]);
  }
  const [excess] = positionals.slice(maxPositionals);
  if (excess !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(excess)}`);
  return { positionals, values: (option) => given.get(option) ?? [], has: (option) => given.has(option) };
}

/** `; did you mean sync?`, or nothing. */
export function suggestion(name: string, known: readonly string[], prefix = ''): string {
  const close = closestName(name, known);
  return close === undefined ? '' : `; did you mean ${prefix}${close}?`;
}

function unknownOption(rawName: string, name: string, known: readonly OptionDefinition[]): string {
  const names = known.map((definition) => definition.name);
  return `unknown option ${rawName}${suggestion(name, names, '--')}`;
}

function optionValue(
  { name, value: placeholder }: OptionDefinition,
  value: string | undefined,
  inline: boolean,
): readonly string[] {
  if (placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    return [];
  }
  // A following option is not the value of this one.
  if (value === undefined || value === '' || (!inline && value.startsWith('-')))
    throw new UsageError(`--${name} needs a value: --${name} ${placeholder}`);
  return [value];
}
