import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFilter, type RunFilter } from './parse-filter.ts';
import { QueryError } from './query-error.ts';
import { RUN_FIELD_NAMES } from './run-field.ts';

/** The filter in a line: field, whether negated, test. */
function read(filter: string): readonly unknown[] {
  const { field, negated, test } = parseFilter(filter);
  const name = field.source === 'column' ? field.column : field.source === 'tag' ? 'tag' : [field.source, field.key];
  return [name, ...(negated ? ['not'] : []), ...testOf(test)];
}

function testOf(test: RunFilter['test']): readonly unknown[] {
  switch (test.kind) {
    case 'present':
      return ['present'];
    case 'equal':
      return ['equal', test.value.operand];
    case 'order':
      return [test.operator, test.value.operand];
    case 'contains':
      return ['contains', test.text];
    default:
      return test satisfies never;
  }
}

function thrownBy(filter: string): unknown {
  try {
    parseFilter(filter);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a filter', () => {
  it.each([
    ['config.lr >= 1e-3', [['config', 'lr'], '>=', 0.001]],
    ['config.lr>=1E-3', [['config', 'lr'], '>=', 0.001]],
    ['  config.lr  <  .5 ', [['config', 'lr'], '<', 0.5]],
    ['config.lr <= -1.', [['config', 'lr'], '<=', -1]],
    ['summary.val/loss > +2', [['summary', 'val/loss'], '>', 2]],
    ['summary.val/loss < Infinity', [['summary', 'val/loss'], '<', Infinity]],
    ['summary.val/loss = NaN', [['summary', 'val/loss'], 'equal', Number.NaN]],
    ['status = finished', ['status', 'equal', 'finished']],
    ['status==finished', ['status', 'equal', 'finished']],
    ['status != running', ['status', 'not', 'equal', 'running']],
    ['tag = baseline', ['tag', 'equal', 'baseline']],
    ['tag ~ base', ['tag', 'contains', 'base']],
    ['name ~ base line', ['name', 'contains', 'base line']],
    ['name = 3', ['name', 'equal', '3']],
    ['config.optimizer != sgd', [['config', 'optimizer'], 'not', 'equal', 'sgd']],
    ['config.model.width = 128', [['config', 'model.width'], 'equal', 128]],
    ['config.width = "128"', [['config', 'width'], 'equal', '128']],
    ['config.url = "a = b > c"', [['config', 'url'], 'equal', 'a = b > c']],
    [`config.url = 'it's'`, [['config', 'url'], 'equal', "it's"]],
    ['config.name = ""', [['config', 'name'], 'equal', '']],
    ['config.my key! = x', [['config', 'my key!'], 'equal', 'x']],
    ['summary."acc > 0.5" >= 1', [['summary', 'acc > 0.5'], '>=', 1]],
    ['!summary."a > b"', [['summary', 'a > b'], 'not', 'present']],
    ["summary.'a=b'", [['summary', 'a=b'], 'present']],
    ['config.tuned = true', [['config', 'tuned'], 'equal', 'true']],
    ['config.teacher = null', [['config', 'teacher'], 'equal', 'null']],
    ['config.version < 1.2.3', [['config', 'version'], '<', '1.2.3']],
    ['name = null', ['name', 'not', 'present']],
    ['name != null', ['name', 'present']],
    ['name = "null"', ['name', 'equal', 'null']],
    ['git.dirty = false', ['git_dirty', 'equal', false]],
    ['steps > 1e3', ['total_steps', '>', 1000]],
    ['duration <= 60', ['duration_secs', '<=', 60]],
    ['started >= 1700000000.5', ['started_at', '>=', 1_700_000_000.5]],
    ['started >= 2026-11-01', ['started_at', '>=', Date.UTC(2026, 10, 1) / 1000]],
    ['started < 2026-11-01T09:30', ['started_at', '<', Date.UTC(2026, 10, 1, 9, 30) / 1000]],
    ['ended < 2026-11-01 09:30:15.5', ['ended_at', '<', Date.UTC(2026, 10, 1, 9, 30, 15, 500) / 1000]],
    ['ended < 2026-11-01T09:30Z', ['ended_at', '<', Date.UTC(2026, 10, 1, 9, 30) / 1000]],
    ['ended < 2026-11-01T09:30+02:00', ['ended_at', '<', Date.UTC(2026, 10, 1, 7, 30) / 1000]],
    ['group > a', ['run_group', '>', 'a']],
    ['status ~ FIN', ['status', 'contains', 'FIN']],
    ['ended', ['ended_at', 'present']],
    ['!ended', ['ended_at', 'not', 'present']],
    ['summary.val/loss', [['summary', 'val/loss'], 'present']],
    ['! summary.x', [['summary', 'x'], 'not', 'present']],
    ['!tag', ['tag', 'not', 'present']],
  ])('%j is read as %j', (filter, expected) => {
    expect(read(filter)).toEqual(expected);
  });
});

describe('what is no filter', () => {
  it.each([
    ['', 'filter "": expects <field> <operator> <value>, such as config.lr >= 1e-3'],
    ['= 3', 'expects <field>'],
    ['stauts = finished', 'filter "stauts = finished": there is no field "stauts"; did you mean status?'],
    ['status = finishd', 'there is no status "finishd"; did you mean finished? (running, finished, failed'],
    ['status = bogus', 'there is no status "bogus" (running'],
    ['status < finished', 'statuses have no order'],
    ['config.lr >', 'a value has to follow >; "" is the empty one'],
    ['config.lr => 3', '"> 3" looks like more than a value'],
    ['config.lr =< 3', 'operators are = != < <= > >= ~'],
    ['config.a > 1 and config.b < 2', 'give each comparison as a filter of its own, or quote the value'],
    ['config.a = x && name', 'more than a value'],
    ['!config.lr = 3', '! stands before a field alone'],
    ['tag > a', 'tags have no order'],
    ['git.dirty > false', 'true and false have no order'],
    ['git.dirty = yes', '"yes" is neither true nor false'],
    ['git.dirty ~ t', '~ is for text'],
    ['steps = many', '"many" is no number'],
    ['steps = infinity', '"infinity" is no number'],
    ['steps ~ 1', '~ is for text'],
    ['summary.loss > NaN', 'NaN has no order'],
    ['started > yesterday', '"yesterday" is no time: expects Unix seconds, or a date such as 2026-11-01'],
    ['started > 2026-13-45', 'is no time'],
    ['config.a = x\0y', 'NUL'],
    ['config.a = "x\0y"', 'NUL'],
  ])('%j is told what is wrong', (filter, message) => {
    expect(() => parseFilter(filter)).toThrow(QueryError);
    expect(() => parseFilter(filter)).toThrow(message);
    expect(() => parseFilter(filter)).toThrow(`filter ${JSON.stringify(filter)}: `);
  });

  it('throws nothing but a QueryError, whatever it is given', () => {
    const field = fc.oneof(
      fc.constantFrom(...RUN_FIELD_NAMES),
      fc.string({ unit: 'binary' }),
      fc.string().map((key) => `config.${key}`),
    );
    const operator = fc.constantFrom('', '=', '==', '!=', '<', '<=', '>', '>=', '~', '!', '=>', '"');
    const filter = fc.tuple(fc.constantFrom('', '!', ' '), field, operator, fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(
        fc.oneof(
          filter.map((parts) => parts.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          expect(thrownBy(text) ?? new QueryError('')).toBeInstanceOf(QueryError);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('reads every key and value back that is quoted', () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
    const key = text.filter((value) => !value.includes('"') && value !== '');
    fc.assert(
      fc.property(key, text, (name, value) => {
        expect(read(`config."${name}" = "${value}"`)).toEqual([['config', name], 'equal', value]);
      }),
    );
  });
});
