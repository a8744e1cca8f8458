import { describe, expect, it } from 'vitest';
import { closestName } from './closest-name.ts';

describe('closestName', () => {
  it.each([
    ['sinc', 'sync'],
    ['snyc', 'sync'],
    ['synchs', 'sync'],
    ['l', 'ls'],
  ])('takes %s for %s', (name, expected) => {
    expect(closestName(name, ['ls', 'sync', 'doctor'])).toBe(expected);
  });

  it('prefers the nearest, and the first of equals', () => {
    expect(closestName('dirs', ['dies', 'dir', 'dirt'])).toBe('dies');
    expect(closestName('dirs', ['dozen', 'dir'])).toBe('dir');
  });

  it('takes nothing that is more than two edits away', () => {
    expect(closestName('synchronise', ['sync'])).toBeUndefined();
    expect(closestName('abc', [])).toBeUndefined();
  });

  it('takes nothing that has no character in common', () => {
    expect(closestName('zz', ['a', 'b7'])).toBeUndefined();
    expect(closestName('', ['a'])).toBeUndefined();
  });
});
