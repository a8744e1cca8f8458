/** The command as tests run it: its output kept, its runs in a directory of their own, and runs to look at. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Environment, MetricsPublisher, RunOptions } from '@runcast/core';
import { jsonlSink } from '@runcast/jsonl';
import { createPublisher } from '../open-publisher.ts';
import type { CliStream } from './command.ts';
import { runCli, type CliOptions } from './run-cli.ts';

/** What a command left. */
interface CapturedOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory for one test, with the command and runs in it. */
export interface Workplace {
  readonly cwd: string;
  path(...names: readonly string[]): string;
  runcast(argv: readonly string[], env?: Environment, options?: Partial<CliOptions>): Promise<CapturedOutput>;
  /** Opens a run below `runs`, with a JSONL sink into `rows`. */
  openRun(run: RunOptions): Promise<MetricsPublisher>;
  /** Opens a run, logs `steps` steps and ends it. */
  logRun(run: RunOptions, steps: number, status?: 'finished' | 'failed'): Promise<void>;
  /** A run with `steps` steps as a killed process leaves it. Returns its directory. */
  crashRun(id: string, steps: number): Promise<string>;
  remove(): void;
}

export function makeWorkplace(): Workplace {
  const cwd = mkdtempSync(join(tmpdir(), 'runcast-cli-'));
  const path = (...names: readonly string[]): string => join(cwd, ...names);
  const openRun = (run: RunOptions, runs = 'runs'): Promise<MetricsPublisher> =>
    createPublisher({ run, dir: path(runs), sinks: [jsonlSink({ dir: path('rows') })], host: 'inline' });
  return {
    cwd,
    path,
    openRun: (run) => openRun(run),
    async runcast(argv, env = {}, options = {}) {
      const stdout = captured();
      const stderr = captured();
      const code = await runCli({ argv, env, cwd, stdout: stdout.stream, stderr: stderr.stream, ...options });
      return { code, stdout: stdout.text(), stderr: stderr.text() };
    },
    async logRun(run, steps, status = 'finished') {
      const publisher = await openRun(run);
      for (let step = 0; step < steps; step += 1) publisher.logStep({ step, loss: 1 / (step + 1) });
      await publisher.close({ status });
    },
    async crashRun(id, steps) {
      const publisher = await openRun({ id }, 'alive');
      for (let step = 0; step < steps; step += 1) publisher.logStep({ step, loss: 1 / (step + 1) });
      const crashed = path('runs', id);
      // The lease's file must not be touched by the process that holds it: closing a descriptor would release the lock.
      cpSync(publisher.run.directory ?? '', crashed, {
        recursive: true,
        filter: (source) => !basename(source).startsWith('lease.db'),
      });
      await publisher.close();
      rmSync(path('alive'), { recursive: true });
      return crashed;
    },
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  };
}

function captured(): { readonly stream: CliStream; text(): string } {
  let text = '';
  return { stream: { write: (more) => (text += more) }, text: () => text };
}
