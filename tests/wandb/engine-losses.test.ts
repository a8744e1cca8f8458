// What the README says that our engines lose under what the official client loses rows to, they do.
import { expect, it } from 'vitest';
import { measureEngineLosses } from './engine-losses.ts';

const EVERYTHING = { logged: 200, landed: 200, synced: 200, exitCode: 0 };

it.each([
  ['native', { landed: 200, state: 'running' }],
  // On a busy machine W&B's client may not have made the run within two seconds.
  ['sdk', {}],
] as const)('the engine %s loses no row in the end', async (engine, killed) => {
  expect(await measureEngineLosses(engine)).toMatchObject([
    { logged: 200, synced: 200, exitCode: null, ...killed },
    {
      ...EVERYTHING,
      landed: 0,
      state: 'running',
      warnings: [expect.stringContaining('404'), expect.stringContaining('owed')],
    },
    { ...EVERYTHING, state: 'finished' },
  ]);
});
