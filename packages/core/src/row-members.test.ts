import { expect, it } from 'vitest';
import { LineBytes } from './line-bytes.ts';
import { rowKey, RowMembers } from './row-members.ts';

function written(members: RowMembers): string {
  const line = LineBytes.of('{');
  members.writeTo(line);
  return line.toString();
}

it('are written in their order, row after row', () => {
  const members = new RowMembers();
  expect([members.size, written(members)]).toEqual([0, '{']);
  for (const [name, value] of Object.entries({ a: 1, ä: -0, b: Number.NaN, c: -Infinity, d: 0.1 }))
    members.add(rowKey(name), value);
  expect([members.size, written(members)]).toEqual([5, '{"a":1,"ä":-0,"b":"NaN","c":"-Infinity","d":0.1']);
  members.clear();
  members.add(rowKey('e'), 2);
  expect([members.size, written(members)]).toEqual([1, '{"e":2']);
});

it('may be any number', () => {
  const members = new RowMembers();
  for (let value = 0; value < 1500; value += 1) members.add(rowKey('a'), value);
  expect(written(members).split(',')).toHaveLength(1500);
  members.clear();
  expect([members.size, written(members)]).toEqual([0, '{']);
});
