import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineBytes } from './line-bytes.ts';

it('is what was added, in order', () => {
  const members = LineBytes.of('"b":');
  members.addNumber(0.1);
  const line = new LineBytes();
  line.addText('{"ä":');
  line.addNumber(-1);
  line.add(Buffer.from(',"😀":2,'));
  line.addText(members.toString());
  expect(line.toString()).toBe('{"ä":-1,"😀":2,"b":0.1');
  expect(line.length).toBe(Buffer.byteLength(line.toString()));
});

it('is cleared for the next one, however long it was', () => {
  const line = LineBytes.of('x'.repeat(1_000_000));
  line.clear();
  expect([line.length, line.toString()]).toEqual([0, '']);
  line.addText('short');
  line.clear();
  line.addText('next');
  expect(line.toString()).toBe('next');
});

it('goes to any place of a buffer', () => {
  const target = Buffer.from('0123456789');
  LineBytes.of('abc').copyTo(target, 4);
  expect(target.toString()).toBe('0123abc789');
});

it('grows with what is added', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ maxLength: 2000 }), fc.double({ min: -1e9, max: 1e9, noNaN: true }))),
      (parts) => {
        const line = new LineBytes();
        let text = '';
        for (const part of parts) {
          const addition =
            typeof part === 'string' ? part.toWellFormed() : Object.is(part, -0) ? '-0' : JSON.stringify(part);
          if (typeof part === 'number') line.addNumber(part);
          else if (part.length % 2 === 0) line.addText(addition);
          else line.add(Buffer.from(addition));
          text += addition;
        }
        expect(line.toString()).toBe(text);
        expect(line.length).toBe(Buffer.byteLength(text));
      },
    ),
  );
});
