import { expect, it } from 'vitest';
import { onProcessExit } from './exit-hook.ts';

/** The listener that was put before all others, to be called as an exiting process calls it. */
function firstListener(): (code: number) => void {
  const [listener = (): void => undefined] = process.rawListeners('exit');
  return (code) => void Reflect.apply(listener, process, [code]);
}

it('serves any number of callbacks by one listener, which goes first and leaves when they have', () => {
  const others = process.listenerCount('exit');
  const later = (): void => undefined;
  process.on('exit', later);
  const codes: string[] = [];
  const forgetOne = onProcessExit((code) => codes.push(`one ${code}`));
  const forgetTwo = onProcessExit((code) => codes.push(`two ${code}`));
  expect(process.listenerCount('exit')).toBe(others + 2);

  firstListener()(3);
  expect(codes).toEqual(['one 3', 'two 3']);

  forgetOne();
  firstListener()(0);
  expect(codes).toEqual(['one 3', 'two 3', 'two 0']);

  forgetTwo();
  forgetTwo();
  process.removeListener('exit', later);
  expect(process.listenerCount('exit')).toBe(others);
});
