// Opens and closes 200 publishers, a few of them in workers, and says what is more than after the first two.
import { readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { publisherFromEnv } from 'runcast';

let warnings = 0;
process.on('warning', () => {
  warnings += 1;
});

async function openAndClose(host: 'worker' | 'inline', id: string): Promise<void> {
  const publisher = await publisherFromEnv({ env: { ...process.env, RUNCAST__HOST: host }, run: { id } });
  publisher.logStep({ step: 1, loss: 0.5 });
  await publisher.close();
}

interface Resources {
  readonly descriptors: number;
  readonly timers: number;
  readonly workers: number;
  readonly ports: number;
  readonly exitListeners: number;
}

function resources(): Resources {
  const active = process.getActiveResourcesInfo();
  const count = (name: string): number => active.filter((resource) => resource === name).length;
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    timers: count('Timeout'),
    workers: count('Worker'),
    ports: count('MessagePort'),
    exitListeners: process.listenerCount('exit'),
  };
}

await openAndClose('worker', 'first-worker');
await openAndClose('inline', 'first-inline');
await nextTurn();
const before = resources();
for (let index = 0; index < 200; index += 1) await openAndClose(index % 10 === 0 ? 'worker' : 'inline', `run-${index}`);
await nextTurn();
const after = resources();
console.log(
  JSON.stringify({
    descriptors: after.descriptors - before.descriptors,
    timers: after.timers - before.timers,
    workers: after.workers - before.workers,
    ports: after.ports - before.ports,
    exitListeners: after.exitListeners - before.exitListeners,
    warnings,
  }),
);
