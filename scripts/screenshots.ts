/**
 * Makes the README's pictures, so that they show what the code does and can be made anew: `pnpm screenshots`. The demo is
 * trained once as it is and six times shorter; the real TensorBoard opens what it logged in a headless Chromium, and what it
 * wrote to its terminal is drawn by the same browser. Takes two to five minutes, and leaves nothing behind but the pictures.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  startTensorboard,
  type SessionGroup,
  type TensorboardServer,
} from '../tests/tensorboard/tensorboard-server.ts';
import { openBrowser } from './screenshots/browser.ts';
import { SWEEP, trainSweep, trainUnchanged, type DemoPlace } from './screenshots/demo-runs.ts';
import { photographHparams, photographTimeSeries } from './screenshots/tensorboard-pages.ts';
import { photographTerminal } from './screenshots/terminal-page.ts';

const PICTURES = path.join(import.meta.dirname, '..', 'docs', 'images');

/** The demo writes where it is called: it gets a directory of its own, and this process goes there. */
function enterNewDirectory(started: AsyncDisposableStack): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'runcast-screenshots-'));
  const before = process.cwd();
  started.defer(() => {
    process.chdir(before);
    rmSync(directory, { recursive: true, force: true });
  });
  process.chdir(directory);
  return directory;
}

/** What a run logs last is its end, so a run with its final loss was read whole. */
function isReadWhole({ metricValues }: SessionGroup): boolean {
  return metricValues.some(({ name }) => name.tag === 'final/loss');
}

async function untilRead(server: TensorboardServer, signal: AbortSignal): Promise<void> {
  const allRead = (groups: readonly SessionGroup[]): boolean => groups.filter(isReadWhole).length === SWEEP.length;
  const groups = await server.poll(() => {
    signal.throwIfAborted();
    return server.sessionGroups();
  }, allRead);
  if (!allRead(groups)) throw new Error('TensorBoard did not read all runs to their ends');
}

async function makePictures(signal: AbortSignal): Promise<void> {
  await using started = new AsyncDisposableStack();
  const browser = await openBrowser();
  started.defer(() => browser.close());
  // Whatever waits for the browser then fails, and so everything is stopped.
  signal.addEventListener('abort', () => void browser.close());
  const place: DemoPlace = { directory: enterNewDirectory(started), signal, say: (line) => console.log(line) };
  const picture = (name: string): string => path.join(PICTURES, name);
  mkdirSync(PICTURES, { recursive: true });

  const output = await trainUnchanged(place);
  await photographTerminal(browser, output, picture('demo.png'));

  const logDir = await trainSweep(place);
  const server = await startTensorboard(logDir, 'fast');
  started.defer(() => server.stop());
  await untilRead(server, signal);
  const runIds = SWEEP.map(({ id }) => id);
  await photographTimeSeries(browser, server.address, runIds, picture('tensorboard.png'));
  await photographHparams(browser, server.address, runIds, picture('hparams.png'));
  console.log(`The pictures are in ${PICTURES}`);
}

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
}
try {
  await makePictures(interruption.signal);
} catch (error) {
  // A closed browser fails in many words; that it was closed on demand says it better.
  interruption.signal.throwIfAborted();
  throw error;
}
