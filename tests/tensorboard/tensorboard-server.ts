// A real TensorBoard on a port of its own, and what its HTTP API says. Killed with the test, whatever happens to it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { environmentCommand, findPython } from '../support/python.ts';

/** Both of TensorBoard's readers: the data server written in Rust, its default, and the older one in Python. */
export type Reader = 'fast' | 'python';
export const READERS: readonly Reader[] = ['fast', 'python'];

const python = findPython();

/** Why TensorBoard cannot be started here; undefined where it can. */
export const missingTensorboard: string | undefined = python.available ? undefined : python.reason;

const START_LIMIT_MS = 60_000;
const LOAD_LIMIT_MS = 40_000;
const POLL_MS = 100;

/** `[step, value]`, the value as the API has it: NaN and the infinities as strings. */
export type Point = readonly [number, number | string];

const scalarSeries = z.array(z.tuple([z.number(), z.number(), z.union([z.number(), z.string()])]));
/** Tags are looked at as they are: a tag `__proto__` would be lost in a copy. */
const tagsByRun = z.record(
  z.string(),
  z.custom<object>((tags) => typeof tags === 'object' && tags !== null),
);

/** A line of the HParams page. */
export interface SessionGroup {
  readonly hparams: Readonly<Record<string, string | number | boolean>>;
  readonly metricValues: readonly {
    readonly name: { readonly group: string; readonly tag: string };
    readonly value: number | string;
    readonly trainingStep: number;
  }[];
  readonly sessions: readonly {
    readonly name: string;
    readonly status: string;
    readonly startTimeSecs: number;
    readonly endTimeSecs: number;
  }[];
}

const metricValue = z.object({
  name: z.object({ group: z.string().default(''), tag: z.string() }),
  value: z.union([z.number(), z.string()]).default(0),
  trainingStep: z.number().default(0),
});

const session = z.object({
  name: z.string(),
  status: z.string(),
  startTimeSecs: z.number().default(0),
  endTimeSecs: z.number().default(0),
});

const sessionGroup = z.object({
  hparams: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  metricValues: z.array(metricValue).default([]),
  sessions: z.array(session),
});

const sessionGroups = z.object({ sessionGroups: z.array(sessionGroup).default([]) });

export class TensorboardServer {
  readonly #process: ChildProcess;
  /** Where it listens: `http://127.0.0.1:<port>`. */
  readonly address: string;

  constructor(process: ChildProcess, address: string) {
    this.#process = process;
    this.address = address;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }

  async json(route: string): Promise<unknown> {
    return (await this.fetch(route)).json();
  }

  async fetch(route: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${this.address}${route}`, init);
    if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** The tags of a plugin, by run. */
  async tags(plugin: string): Promise<Readonly<Record<string, readonly string[]>>> {
    const byRun = tagsByRun.parse(await this.json(`/data/plugin/${plugin}/tags`));
    return Object.fromEntries(Object.entries(byRun).map(([run, tags]) => [run, Object.keys(tags).toSorted()]));
  }

  async scalars(run: string, tag: string): Promise<readonly Point[]> {
    const query = new URLSearchParams({ run, tag });
    const series = scalarSeries.parse(await this.json(`/data/plugin/scalars/scalars?${query.toString()}`));
    return series.map(([, step, value]) => [step, value]);
  }

  async sessionGroups(): Promise<readonly SessionGroup[]> {
    const allowedStatuses = ['STATUS_UNKNOWN', 'STATUS_SUCCESS', 'STATUS_FAILURE', 'STATUS_RUNNING'];
    const response = await this.fetch('/data/plugin/hparams/session_groups', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ experimentName: '', allowedStatuses, colParams: [], startIndex: 0, sliceSize: 100 }),
    });
    return sessionGroups.parse(await response.json()).sessionGroups;
  }

  /** Asks again until the answer is as wanted, or returns the last one when the time is up, for the test to judge. */
  async poll<Answer>(ask: () => Promise<Answer>, wanted: (answer: Answer) => boolean): Promise<Answer> {
    const end = Date.now() + LOAD_LIMIT_MS;
    for (;;) {
      const answer = await ask();
      if (wanted(answer) || Date.now() > end) return answer;
      await delay(POLL_MS);
    }
  }
}

/** Starts TensorBoard on a free port of the loopback interface. It looks for new data as often as it can. */
export async function startTensorboard(logDir: string, reader: Reader): Promise<TensorboardServer> {
  const process = spawn(
    environmentCommand('tensorboard'),
    [
      `--logdir=${logDir}`,
      `--load_fast=${reader === 'fast' ? 'true' : 'false'}`,
      '--host=127.0.0.1',
      '--port=0',
      '--reload_interval=1',
      '--samples_per_plugin=scalars=100000,text=1000,images=1000,histograms=1000',
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin', PYTHONUNBUFFERED: '1', TF_CPP_MIN_LOG_LEVEL: '3' },
    },
  );
  try {
    return new TensorboardServer(process, await announcedAddress(process));
  } catch (error) {
    process.kill('SIGKILL');
    throw error;
  }
}

/** TensorBoard says where it listens once it does. */
function announcedAddress(process: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const limit = setTimeout(() => reject(new Error(`TensorBoard did not start: ${output}`)), START_LIMIT_MS);
    const read = (chunk: unknown): void => {
      output += String(chunk);
      const address = /http:\/\/127\.0\.0\.1:\d+/u.exec(output)?.[0];
      if (address === undefined) return;
      clearTimeout(limit);
      resolve(address);
    };
    process.stdout?.on('data', read);
    process.stderr?.on('data', read);
    process.once('exit', (code) => {
      clearTimeout(limit);
      reject(new Error(`TensorBoard exited with ${String(code)}: ${output}`));
    });
    process.once('error', reject);
  });
}
