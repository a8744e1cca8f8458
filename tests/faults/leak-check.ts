// Opens and closes publishers and compares what the process holds before and after. Says `leak <what> <before> <after>`.
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createPublisher } from 'runcast';
import { readSettings, runsFolder } from './trainer-settings.ts';
import { sinkSpecs } from './trainer-sinks.ts';

/** Modules, thread pools and sqlite are loaded once. */
const WARM_UP = 3;
/** Longer than a closed handle takes to be let go of. */
const SETTLE_MS = 500;

const settings = readSettings();

async function openAndClose(index: number): Promise<void> {
  const publisher = await createPublisher({
    run: { id: `run-${index}` },
    dir: runsFolder(settings.folder),
    sinks: sinkSpecs(settings),
    host: settings.host,
  });
  publisher.logStep({ step: 1, loss: 0.5 });
  const { complete, undelivered } = await publisher.close();
  if (!complete) throw new Error(`run ${index} was not delivered: ${JSON.stringify(undelivered)}`);
}

/** What the process holds, by name. */
function holdings(): ReadonlyMap<string, number> {
  const resources = Map.groupBy(process.getActiveResourcesInfo(), (name) => name);
  const threads = /^Threads:\s+(\d+)$/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return new Map([
    ['descriptors', readdirSync('/proc/self/fd').length],
    ['threads', Number(threads)],
    ...process.eventNames().map((name) => [`listeners of ${String(name)}`, process.listenerCount(name)] as const),
    ...[...resources].map(([name, all]) => [`active ${name}`, all.length] as const),
  ]);
}

for (let index = 0; index < WARM_UP; index += 1) await openAndClose(index);
await delay(SETTLE_MS);
const before = holdings();
for (let index = 0; index < settings.steps; index += 1) await openAndClose(WARM_UP + index);
await delay(SETTLE_MS);
for (const [name, after] of holdings()) {
  const held = before.get(name) ?? 0;
  if (after > held) writeSync(1, `leak ${name}: ${held} before, ${after} after\n`);
}
