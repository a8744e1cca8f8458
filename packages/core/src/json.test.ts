import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonArray, isJsonObject, toJson } from './json.ts';

describe('what has a JSON form', () => {
  it('any JSON value is its own', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = JSON.stringify(toJson(value));
        expect(written).toBe(JSON.stringify({ ok: true, value }));
      }),
    );
  });

  it.each<[string, unknown, unknown]>([
    ['non-finite numbers are their names', [Number.NaN, Infinity, -Infinity], ['NaN', 'Infinity', '-Infinity']],
    ['a date is its ISO form', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an invalid date says so', new Date(Number.NaN), 'Invalid Date'],
    ['a bigint is its digits', 2n ** 64n, '18446744073709551616'],
    [
      'typed arrays are plain ones',
      [new Float32Array([0.5, Number.NaN]), new BigInt64Array([1n])],
      [[0.5, 'NaN'], ['1']],
    ],
    ['members that are undefined are left out', { a: undefined, b: 1 }, { b: 1 }],
    ['items that are undefined are null', [undefined, 1], [null, 1]],
    ['a lone surrogate is replaced, in names too', { ['\uD800']: '\uDC00' }, { '\uFFFD': '\uFFFD' }],
    ['an object without a prototype is one', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['the same object twice is no cycle', ((shared) => [shared, shared])({ a: 1 }), [{ a: 1 }, { a: 1 }]],
    [
      'what has a JSON form of its own is that',
      { at: new URL('https://example.com/a') },
      { at: 'https://example.com/a' },
    ],
  ])('%s', (_case, value, expected) => {
    expect(toJson(value)).toEqual({ ok: true, value: expected });
  });

  it('keeps a member called __proto__', () => {
    const result = toJson(JSON.parse('{"__proto__":{"a":1}}'));
    expect(JSON.stringify(result)).toBe('{"ok":true,"value":{"__proto__":{"a":1}}}');
  });

  it('is a copy', () => {
    const given = { list: [1] };
    const result = toJson(given);
    given.list.push(2);
    expect(result).toEqual({ ok: true, value: { list: [1] } });
  });
});

describe('what has none is named by its path:', () => {
  const circular: { self?: unknown } = {};
  circular.self = [circular];
  const deep = Array.from({ length: 65 }).reduce<unknown>((inner) => [inner], 1);

  it.each<[unknown, string]>([
    [() => 1, '$ is a function'],
    [{ a: [Symbol('s')] }, '$.a[0] is a symbol'],
    [undefined, '$ is a undefined'],
    [circular, '$.self[0] is circular'],
    [{ inner: new Map([['a', 1]]) }, '$.inner has no JSON form: Map'],
    [[new Set([1])], '$[0] has no JSON form: Set'],
    [new Error('boom'), '$ has no JSON form: Error'],
    [{ toJSON: () => circular }, '$.self[0] is circular'],
    [new ArrayBuffer(2), '$ has no JSON form: ArrayBuffer'],
  ])('%o', (value, problem) => {
    expect(toJson(value)).toEqual({ ok: false, problem });
  });

  it('a member that throws when it is read', () => {
    const given = {
      get loss(): number {
        throw new Error('not yet');
      },
    };
    expect(toJson(given)).toEqual({ ok: false, problem: '$ cannot be read: Error: not yet' });
  });

  it('nesting over 64 levels', () => {
    const path = `$${'[0]'.repeat(64)}`;
    expect(toJson(deep)).toEqual({ ok: false, problem: `${path} is nested deeper than 64 levels` });
    expect(toJson(Array.from({ length: 64 }).reduce<unknown>((inner) => ({ inner }), 1)).ok).toBe(true);
  });
});

it('tells objects and arrays apart', () => {
  expect([{}, [], null, undefined, 'a', 1].map((value) => [isJsonObject(value), isJsonArray(value)])).toEqual([
    [true, false],
    [false, true],
    [false, false],
    [false, false],
    [false, false],
    [false, false],
  ]);
});
