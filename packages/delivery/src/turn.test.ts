import { expect, onTestFinished, test } from 'vitest';
import { turn } from './turn.ts';

test('each has a turn of the loop to itself, in the order in which they came', async () => {
  let loops = 0;
  let spinning = true;
  const spin = (): void => {
    loops += 1;
    if (spinning) setImmediate(spin);
  };
  setImmediate(spin);
  onTestFinished(() => {
    spinning = false;
  });
  const taken: { readonly name: string; readonly loop: number }[] = [];
  const take = async (name: string): Promise<void> => {
    await turn();
    taken.push({ name, loop: loops });
  };
  await Promise.all(['a', 'b', 'c'].map(take));
  await take('d');
  expect(taken.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(new Set(taken.map(({ loop }) => loop))).toHaveLength(4);
});
