/**
 * W&B's own client for Node, npm's `@wandb/sdk`, loaded only where the engine is chosen. It sends rows up to half a minute later,
 * looks at no answer, and says nothing of what became of them; so beside its functions, two of its parts are asked: the
 * one that collects what is logged, and the one that sends it.
 */

import { createRequire } from 'node:module';
import path from 'node:path';
import { ConfigError, errorMessage } from '@runcast/core';

const PACKAGE = '@wandb/sdk';
/** Others may have other parts. */
const VERSION = '0.5.1';
const HISTORY = 'wandb-history.jsonl';

/** A timer that can be cut short. */
interface SdkDelay {
  cancel(): boolean;
}

/** The answer to a request, as `fetch` gives it. */
export interface SdkResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Iterable<readonly [string, string]>;
  text(): Promise<string>;
}

/** What sends the rows. */
export interface SdkFileStream {
  /** Resolves to the server's answer, whatever its status; to null where there was none. */
  send(body: unknown): Promise<SdkResponse | null>;
  readonly delay: SdkDelay;
}

/** A run that the client has begun. */
export interface SdkRunHandle {
  /** Writes `_step` into what it is given. */
  log(data: Record<string, unknown>, step: number): void;
  finish(code: number): Promise<void>;
  url(): string;
  readonly stream: SdkFileStream;
  /** Rows that were given to what sends them, since the run was begun. */
  rows(): number;
  /** Cuts short the pause of the part that collects rows. */
  collect(): void;
}

export interface SdkSettings {
  readonly apiKey: string;
  readonly baseUrl: string;
  /** Does not print the run's address. */
  readonly silent: true;
}

interface SdkInitOptions {
  readonly id: string;
  readonly project: string;
  readonly entity: string;
  readonly name: string | undefined;
  readonly config: unknown;
  readonly settings: SdkSettings;
}

export interface SdkClient {
  init(options: SdkInitOptions): Promise<SdkRunHandle>;
}

/** How a file is found, and a module loaded, by its name, as CommonJS does. */
export interface SdkPlace {
  (name: string): unknown;
  resolve(name: string): string;
}

/**
 * The file of the package as it is found beside this one or else from the working directory.
 *
 * @throws ConfigError where there is none, or one of another version, with what to do.
 */
export function findSdk(places: readonly SdkPlace[] = defaultPlaces()): string {
  let reason = '';
  for (const place of places) {
    try {
      const manifest = place(`${PACKAGE}/package.json`);
      const version = memberOf(manifest, 'version');
      if (version === VERSION) return place.resolve(PACKAGE);
      reason = `what was found is ${String(version)}, and only ${VERSION} is known to work`;
    } catch (error) {
      // Its first line says what is wrong; below stands how Node came to look for it.
      [reason = ''] = errorMessage(error).split('\n');
    }
  }
  const message = `${PACKAGE} cannot be loaded: ${reason}; npm install ${PACKAGE}@${VERSION}, or set it to native`;
  throw new ConfigError([{ variable: 'WANDB__ENGINE', message }]);
}

function defaultPlaces(): readonly SdkPlace[] {
  return [createRequire(import.meta.url), createRequire(path.resolve('package.json'))];
}

/** Loads the client from its file. Throws an Error where it has not the parts that are needed. */
export function loadSdk(file: string): SdkClient {
  const module: unknown = createRequire(import.meta.url)(file);
  const client = memberOf(module, 'default');
  const init = functionOf(client, 'init');
  return { init: async (options) => runHandle(await init({ ...options })) };
}

function runHandle(run: unknown): SdkRunHandle {
  const sender = memberOf(memberOf(run, '_messenger'), 'sender');
  const stream = memberOf(sender, 'filestream');
  const chunk = memberOf(memberOf(stream, 'lastChunks'), HISTORY);
  const pause = memberOf(sender, 'delay');
  if (!isFileStream(stream) || !isDelay(pause) || !isRun(run)) throw unknownClient();
  return {
    log: (data, step) => run.log(data, step),
    finish: (code) => run.finish(code),
    url: () => run.url(),
    stream,
    rows: () => Number(memberOf(chunk, 'offset')),
    collect: () => void pause.cancel(),
  };
}

function unknownClient(): Error {
  return new Error(`this ${PACKAGE} is none that this version can work with; ${VERSION} is`);
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) throw unknownClient();
  return Reflect.get(value, name);
}

function functionOf(value: unknown, name: string): (...given: readonly unknown[]) => unknown {
  const found = memberOf(value, name);
  if (typeof found !== 'function') throw unknownClient();
  return (...given) => {
    const result: unknown = Reflect.apply(found, value, given);
    return result;
  };
}

function hasFunctions(value: unknown, names: readonly string[]): value is object {
  return (
    typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

function isDelay(value: unknown): value is SdkDelay {
  return hasFunctions(value, ['cancel']);
}

function isFileStream(value: unknown): value is SdkFileStream {
  return hasFunctions(value, ['send']) && isDelay(Reflect.get(value, 'delay'));
}

function isRun(value: unknown): value is Pick<SdkRunHandle, 'log' | 'finish' | 'url'> {
  return hasFunctions(value, ['log', 'finish', 'url']);
}
