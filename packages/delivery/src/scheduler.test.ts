import { createManualClock } from '@runcast/testing';
import { expect, test } from 'vitest';
import { schedulerOn } from '../test/run-on-disk.ts';
import { Bell, pause, systemScheduler, within } from './scheduler.ts';

test('a bell that rings wakes everyone who waits, once', async () => {
  const clock = createManualClock();
  const bell = new Bell(schedulerOn(clock));
  const woken: string[] = [];
  const first = bell.wait(1000).then(() => woken.push('first'));
  const second = bell.wait(2000).then(() => woken.push('second'));
  bell.ring();
  await Promise.all([first, second]);
  expect(woken).toEqual(['first', 'second']);
  expect(clock.pending()).toEqual([]);
});

test('a bell that does not ring wakes when the time has passed', async () => {
  const clock = createManualClock();
  const bell = new Bell(schedulerOn(clock));
  let isAwake = false;
  const waiting = bell.wait(1000).then(() => {
    isAwake = true;
  });
  await clock.advance(999);
  expect(isAwake).toBe(false);
  await clock.advance(1);
  await waiting;
  expect(isAwake).toBe(true);
});

test('who waits anew while it rings is not woken by the same ring', async () => {
  const clock = createManualClock();
  const bell = new Bell(schedulerOn(clock));
  let again: Promise<void> | undefined;
  const waiting = bell.wait(1000).then(() => {
    again = bell.wait(1000);
  });
  bell.ring();
  await waiting;
  expect(clock.pending()).toHaveLength(1);
  await clock.advance(1000);
  await again;
});

test('pauses for the time given', async () => {
  const clock = createManualClock();
  const pausing = pause(30, schedulerOn(clock));
  expect(clock.pending()).toEqual([clock.now() + 30]);
  await clock.advance(30);
  await pausing;
});

test('work that is over in time is what it resolves to, and leaves no timer', async () => {
  const clock = createManualClock();
  await expect(within(Promise.resolve(7), 1000, schedulerOn(clock))).resolves.toBe(7);
  expect(clock.pending()).toEqual([]);
});

test('work that fails in time fails', async () => {
  const clock = createManualClock();
  await expect(within(Promise.reject(new Error('down')), 1000, schedulerOn(clock))).rejects.toThrow('down');
});

test('work that takes longer is undefined, and its later failure is dropped', async () => {
  const clock = createManualClock();
  const { promise, reject } = Promise.withResolvers<number>();
  const result = within(promise, 1000, schedulerOn(clock));
  await clock.advance(1000);
  await expect(result).resolves.toBeUndefined();
  reject(new Error('too late'));
  await clock.advance(0);
});

test('real time goes on, calls back, and holds no process open', async () => {
  const before = Date.now();
  expect(systemScheduler.nowMs()).toBeGreaterThanOrEqual(before);
  expect(systemScheduler.random()).toBeLessThan(1);
  const { promise, resolve } = Promise.withResolvers<string>();
  const cancel = systemScheduler.schedule(() => resolve('cancelled too late'), 0);
  cancel();
  systemScheduler.schedule(() => resolve('called back'), 1);
  // Delivery's timers are unreferenced, so the test holds the loop open itself.
  const open = setInterval(() => undefined, 1000);
  await expect(promise).resolves.toBe('called back');
  clearInterval(open);
});
