import { describe, expect, it } from 'vitest';
import { parseArguments, UsageError, type ParsedArguments } from './parse-arguments.ts';

const DEFINITIONS = [
  { name: 'json', meaning: 'print JSON' },
  { name: 'to', value: '<sink>', meaning: 'where to' },
];

function parse(...argv: readonly string[]): ParsedArguments {
  return parseArguments(argv, DEFINITIONS, 2);
}

describe('what is understood', () => {
  it('is options and positionals in any order', () => {
    const args = parse('run-1', '--to', 'jsonl', '--json', 'run-2', '--to=tensorboard');
    expect(args.positionals).toEqual(['run-1', 'run-2']);
    expect(args.values('to')).toEqual(['jsonl', 'tensorboard']);
    expect([args.has('json'), args.has('to'), args.has('help')]).toEqual([true, true, false]);
    expect(args.values('json')).toEqual([]);
  });

  it('is --help and -h, whatever the command', () => {
    expect(parse('--help').has('help')).toBe(true);
    expect(parse('-h').has('help')).toBe(true);
  });

  it('is a positional after --, even if it looks like an option', () => {
    expect(parse('--', '--json').positionals).toEqual(['--json']);
  });

  it('is a value that begins with a dash where it cannot be an option', () => {
    expect(parse('--to=-x').values('to')).toEqual(['-x']);
  });
});

describe('what is refused', () => {
  it.each([
    ['an unknown option, with a suggestion', ['--jsno'], 'unknown option --jsno; did you mean --json?'],
    ['one that is like none', ['--frobnicate'], 'unknown option --frobnicate'],
    ['an unknown short option', ['-x'], 'unknown option -x'],
    ['a value for a switch', ['--json=yes'], '--json takes no value'],
    ['an option without its value', ['--to'], '--to needs a value: --to <sink>'],
    ['one with an empty value', ['--to='], '--to needs a value: --to <sink>'],
    ['one followed by another option', ['--to', '--json'], '--to needs a value: --to <sink>'],
    ['too many arguments', ['a', 'b', 'c'], 'unexpected argument "c"'],
  ])('is %s', (_case, argv, message) => {
    expect(() => parse(...argv)).toThrow(new UsageError(message));
  });
});
