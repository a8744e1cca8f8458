// A trainer in a process of its own, to be killed. Everything it says goes to its standard output at once, a line each:
// `opened <context file>`, `logged <steps>`, `blocked`, `full`, `lag <sink> <records>`, `owed <sink> <records>`, `lost <records>`,
// `flushed <milliseconds>`, `closed <milliseconds>`, `child <exit code>`, `event <what happened>`.
import { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CONTEXT_VARIABLE, trainerEnvironment } from './trainer-environment.ts';
import { failLogWhileSwitched } from './failing-log.ts';
import { openReturnedSteps } from './returned-steps.ts';
import { faultSwitch, readSettings, returnedStepsFile, runsFolder, type Pace } from './trainer-settings.ts';

const LAG_POLL_MS = 50;
const MAX_LAG_POLLS = 400;
/** On a busy machine whoever brings about what is awaited may come late. */
const PATIENCE_MS = 20_000;
/** Of the pace that blocks. */
const STEPS_PER_MS = 10;

const settings = readSettings();
failLogWhileSwitched(faultSwitch(settings.folder, 'log'));
// Whatever loads the package that writes files comes after that.
const { createPublisher, publisherFromEnv } = await import('runcast');
const { sinkSpecs } = await import('./trainer-sinks.ts');

/** Its own metric only, unless it has a loss. */
interface Shapes {
  readonly step: { readonly loss?: number };
}

const { name, pace, steps, host, runId, closeTimeoutMs } = settings;

let awaited = settings.until;

function say(line: string): void {
  writeSync(1, `${line}\n`);
  if (line.startsWith(`event ${awaited}`)) awaited = '';
}

const publisher =
  process.env[CONTEXT_VARIABLE] === undefined
    ? await createPublisher<Shapes>({
        run: { id: runId, project: 'faults', resume: settings.resume },
        dir: runsFolder(settings.folder),
        sinks: sinkSpecs(settings),
        host,
        closeTimeoutMs,
      })
    : await publisherFromEnv<Shapes>({ env: process.env });

publisher.on('sinkError', ({ sink, error, terminal }) => {
  say(`event ${sink} ${terminal ? 'stopped' : 'failed'}: ${error.message}`);
  if (sink === 'log' && error.code === 'ENOSPC') say('full');
});
publisher.on('recovered', ({ sink }) => say(`event ${sink} recovered`));
publisher.on('undelivered', ({ sink, records }) => say(`owed ${sink} ${records}`));
const storeReturned = openReturnedSteps(returnedStepsFile(settings.folder, name));
say(`opened ${publisher.contextFile ?? ''}`);

let step = 0;
const lastMs = performance.now() + settings.forMs;

function goesOn(): boolean {
  const timeMs = performance.now();
  return step < steps && (timeMs < lastMs || (awaited !== '' && timeMs < lastMs + PATIENCE_MS));
}

function logStep(): void {
  step += 1;
  const metrics = { [name]: step };
  publisher.logStep(settings.loss ? { step, loss: 1 / step, metrics } : { step, metrics });
}

function logNext(): void {
  logStep();
  storeReturned(step);
  if (step % 100 === 0) publisher.logValidation({ epoch: step / 100, loss: 2 / step, metrics: { [name]: -step } });
}

/** A clock that lies behind itself by what one turn takes: a trainer that never yields measures time by itself. */
function blockUntil(timeMs: number): void {
  while (performance.now() < timeMs);
}

const PACING: Readonly<Record<Pace, () => Promise<void> | void>> = {
  yielding: async () => {
    while (goesOn()) {
      logNext();
      await delay(1);
    }
  },
  busy: () => {
    const pauseMs = 0.1 + ((process.pid * 7919) % 10) / 11;
    while (goesOn()) {
      logNext();
      blockUntil(performance.now() + pauseMs);
    }
  },
  bursts: async () => {
    for (let burst = 0; goesOn(); burst += 1) {
      const size = 1 + ((burst * 37 + process.pid) % 60);
      for (let left = Math.min(size, steps - step); left > 0; left -= 1) logNext();
      if (burst % 3 === 0) blockUntil(performance.now() + 20);
      else await delay(10);
    }
  },
  blocks: () => {
    while (goesOn()) {
      for (let left = Math.min(settings.burst, steps - step); left > 0; left -= 1) logStep();
      // Told after the burst: a call to the system between two steps would make it none.
      storeReturned(step);
      // From its end: after a burst that was held up itself the next would follow at once, and both would be one.
      blockUntil(performance.now() + settings.burst / STEPS_PER_MS);
    }
    say('blocked');
    blockUntil(Infinity);
  },
  'flat-out': async () => {
    while (goesOn()) logNext();
  },
};

async function flush(): Promise<void> {
  const started = performance.now();
  await publisher.flush({ timeoutMs: closeTimeoutMs });
  say(`flushed ${Math.round(performance.now() - started)}`);
}

await PACING[pace]();
say(`logged ${step}`);
if (settings.child !== '') {
  const env = { ...process.env, ...publisher.childEnv, ...trainerEnvironment(settings) };
  execFileSync(process.execPath, [...process.execArgv, import.meta.filename, settings.child], {
    env,
    stdio: 'inherit',
  });
  say('child 0');
}
await delay(settings.lingerMs);
// On a busy machine the rows may need longer; a bad backend beside them never ends, so only they are waited for.
for (let polls = 0; settings.lingerMs > 0 && polls < MAX_LAG_POLLS && lagOf('jsonl') > 0; polls += 1)
  await delay(LAG_POLL_MS);
switch (settings.end) {
  case 'flush':
  case 'close': {
    if (settings.end === 'flush') await flush();
    for (const [sink, { lagRecords }] of Object.entries(publisher.health().sinks)) say(`lag ${sink} ${lagRecords}`);
    const started = performance.now();
    const report = await publisher.close();
    say(`lost ${report.health.log.dropped}`);
    for (const notice of report.notices) say(`event notice: ${notice}`);
    say(`closed ${Math.round(performance.now() - started)}`);
    break;
  }
  case 'exit':
    break;
  case 'leave':
    process.exit(0);
  case 'throw':
    throw new Error('training went wrong');
  case 'wait':
    await delay(600_000);
    break;
  default:
    settings.end satisfies never;
}

function lagOf(sink: string): number {
  return publisher.health().sinks[sink]?.lagRecords ?? 0;
}
