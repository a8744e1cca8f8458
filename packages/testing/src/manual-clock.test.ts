import { expect, it } from 'vitest';
import { createManualClock } from './manual-clock.ts';

it('stands still until it is advanced', async () => {
  const clock = createManualClock(1000);
  expect(clock.now()).toBe(1000);
  await clock.advance(250);
  expect(clock.now()).toBe(1250);
  expect(createManualClock().now()).toBe(1_795_254_381_000);
});

it('calls timers in order of time, at their time', async () => {
  const clock = createManualClock(0);
  const calls: string[] = [];
  const note = (name: string) => (): void => {
    calls.push(`${name} at ${clock.now()}`);
  };
  clock.setTimeout(note('late'), 30);
  clock.setTimeout(note('early'), 10);
  clock.setTimeout(note('at once'), -5);
  clock.setTimeout(note('never'), 41);
  clock.clearTimeout(clock.setTimeout(note('cancelled'), 5));
  expect(clock.pending()).toEqual([0, 10, 30, 41]);
  await clock.advance(40);
  expect(calls).toEqual(['at once at 0', 'early at 10', 'late at 30']);
  expect(clock.pending()).toEqual([41]);
});

it('lets what awaits a timer run before time goes on', async () => {
  const clock = createManualClock(0);
  const wokenAt: number[] = [];
  const loop = async (): Promise<void> => {
    for (let round = 0; round < 3; round += 1) {
      await clock.sleep(10);
      wokenAt.push(clock.now());
    }
  };
  const done = loop();
  await clock.advance(30);
  await done;
  expect(wokenAt).toEqual([10, 20, 30]);
});

it('ends a sleep when its signal aborts, and leaves no timer behind', async () => {
  const clock = createManualClock(0);
  const controller = new AbortController();
  const sleeping = clock.sleep(10, controller.signal);
  controller.abort(new Error('enough'));
  await expect(sleeping).rejects.toThrow('enough');
  expect(clock.pending()).toEqual([]);
  await expect(clock.sleep(10, controller.signal)).rejects.toThrow('enough');
});

it('sleeps to the end where its signal does not abort', async () => {
  const clock = createManualClock(0);
  const sleeping = clock.sleep(10, new AbortController().signal);
  await clock.advance(10);
  await expect(sleeping).resolves.toBeUndefined();
});

it('throws what a callback throws', async () => {
  const clock = createManualClock(0);
  clock.setTimeout(() => {
    throw new Error('from a timer');
  }, 1);
  await expect(clock.advance(1)).rejects.toThrow('from a timer');
});
