// A program of this harness as a child process: what it says is there line by line, it can be killed at any moment, and
// how it ended is known.
import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { tfjsFolder } from '../support/tfjs.ts';
import { encodeSettings, runsFolder, type TrainerSettings } from './trainer-settings.ts';
import { trainerEnvironment } from './trainer-environment.ts';

/** Whether packages are their sources, as in the test suite, or built, comes to them by this process's environment. */
const NODE_OPTIONS = ['--disable-warning=ExperimentalWarning'];
/** The command, of the same packages. */
export const RUNCAST: string = fileURLToPath(import.meta.resolve('runcast').replace(/index(\.[jt]s)$/u, 'bin$1'));
/** A run asks git for its commit: three processes for each trainer, none of which this harness is about. */
const NO_PROGRAMS = { PATH: '' } as const;
/** Hardly anything here takes longer, on a machine that has other things to do. */
const GIVE_UP_MS = 60_000;

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ChildProgram {
  readonly lines: string[] = [];
  /** What it wrote to its standard error. */
  errors = '';
  /** Resolves when it has ended and everything it said is here. */
  readonly ended: Promise<ProgramEnd>;
  /** When it ended, as `performance.now` has it; later than anything while it has not. */
  endedAtMs: number = Infinity;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #end: ProgramEnd | undefined;

  constructor(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    giveUpMs: number = GIVE_UP_MS,
    // No repository: a trainer asks git about the one it is started in.
    cwd: string = tmpdir(),
  ) {
    const child = spawn(process.execPath, [...NODE_OPTIONS, program, ...args], {
      cwd,
      // TensorFlow says what processor it has found.
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      this.errors += text;
    });
    createInterface(child.stdout).on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), giveUpMs);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        this.#end = { code, signal };
        this.endedAtMs = performance.now();
        this.#wake();
        resolve(this.#end);
      });
    });
  }

  /** The rest of the first line that begins with this word; undefined where the program ends without one. */
  async said(word: string): Promise<string | undefined> {
    for (;;) {
      const line = this.lines.find((candidate) => candidate.split(' ', 1)[0] === word);
      if (line !== undefined) return line.slice(word.length + 1);
      if (this.#end !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** What it has said of each name after this word: `owed jsonl 12` is `['jsonl', 12]` of `owed`. */
  numbers(word: string): ReadonlyMap<string, number> {
    const said = this.lines.map((line) => line.split(' ')).filter(([first]) => first === word);
    return new Map(said.map(([, name = '', number = name]) => [name, Number(number)]));
  }

  /** What it said to be owed, where none of `others` was left to deliver it. */
  owedAlone(others: readonly ChildProgram[]): readonly string[] {
    const isLast = others.every((other) => other.endedAtMs <= this.endedAtMs);
    return isLast && this.numbers('owed').size > 0 ? [`something was left owed: ${this.lines.join('; ')}`] : [];
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** SIGKILL: nothing of the program runs any more. Resolves when it is gone. */
  async kill(): Promise<ProgramEnd> {
    this.#process.kill('SIGKILL');
    return this.ended;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export function programFile(name: string): string {
  return path.join(import.meta.dirname, name);
}

/** Starts a trainer. `env` is what it finds in its environment beside this process's. */
export function startTrainer(settings: TrainerSettings, env: Readonly<Record<string, string>> = {}): ChildProgram {
  return new ChildProgram(programFile('trainer.ts'), [encodeSettings(settings)], { ...NO_PROGRAMS, ...env });
}

/** Starts `runcast sync` for the run, with the sinks of these settings on. */
export function startSync(settings: TrainerSettings): ChildProgram {
  const args = ['sync', path.join(runsFolder(settings.folder), settings.runId)];
  // Where the working directory has it, the command finds tfjs-node.
  const cwd = settings.sinks.includes('tfjs-tensorboard') ? tfjsFolder : tmpdir();
  return new ChildProgram(RUNCAST, args, { ...NO_PROGRAMS, ...trainerEnvironment(settings) }, GIVE_UP_MS, cwd);
}
