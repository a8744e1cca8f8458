// W&B's official Python client as a process: with a home, configuration and caches of its own in a temporary directory, our server
// as W&B, error reports off, and a proxy that leads nowhere for every address but the loopback interface.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { environmentCommand, findPython } from '../support/python.ts';
import type { WandbServer } from './server/wandb-server.ts';

const python = findPython();

/** Why the official client cannot be started here; undefined where it can. */
export const missingClient: string | undefined = python.available ? undefined : python.reason;

export interface ClientEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

const SCENARIOS = path.join(import.meta.dirname, 'clients', 'official_client.py');
/** No port of a proxy. */
const NOWHERE = 'http://127.0.0.1:9';

export class OfficialClient {
  /** The working directory; what the client writes is in it. */
  readonly folder: string = mkdtempSync(path.join(tmpdir(), 'runcast-wandb-'));
  readonly #server: WandbServer;

  constructor(server: WandbServer) {
    this.#server = server;
    mkdirSync(path.join(this.folder, 'home'));
  }

  /** Runs a scenario of clients/official_client.py to its end. */
  run(scenario: string, env: Readonly<Record<string, string>> = {}): Promise<ClientEnding> {
    return this.#start(environmentCommand('python'), [SCENARIOS, scenario], env);
  }

  /** Runs the command `wandb`. */
  command(...args: readonly string[]): Promise<ClientEnding> {
    return this.#start(environmentCommand('wandb'), args, {});
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #start(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<ClientEnding> {
    const child = spawn(command, args, {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.#environment(), ...env },
    });
    let output = '';
    const read = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal, output }));
    });
  }

  #environment(): Readonly<Record<string, string>> {
    const home = path.join(this.folder, 'home');
    return {
      PATH: '/usr/bin:/bin',
      HOME: home,
      HTTP_PROXY: NOWHERE,
      HTTPS_PROXY: NOWHERE,
      NO_PROXY: '127.0.0.1',
      WANDB_BASE_URL: this.#server.url,
      WANDB_API_KEY: this.#server.apiKey,
      WANDB_DIR: this.folder,
      WANDB_CONFIG_DIR: path.join(home, 'config'),
      WANDB_CACHE_DIR: path.join(home, 'cache'),
      WANDB_DATA_DIR: path.join(home, 'data'),
      WANDB_ARTIFACT_DIR: path.join(home, 'artifacts'),
      WANDB_ERROR_REPORTING: 'false',
      WANDB_DISABLE_GIT: 'true',
    };
  }
}
