/**
 * The demo from its first line to its last: configuration, a run, the training inside it, and what came of it. All that
 * concerns Runcast is the call of `withPublisher` here and the `publisher.log…` calls in train.ts.
 */

import { ConfigError, withPublisher, type Environment } from 'runcast';
import { describeOutputs, describeResult } from './closing-report.ts';
import { readMobyDick } from './corpus.ts';
import { createDataset } from './dataset.ts';
import { loadEnvironment } from './env-file.ts';
import { LossChart } from './loss-chart.ts';
import { formatDuration, Progress } from './progress.ts';
import { readSettings } from './settings.ts';
import { createPaint, isInteractive, type Paint, type Terminal } from './terminal.ts';
import { train } from './train.ts';

export interface DemoOptions {
  /** Where `.env` is looked for. */
  readonly directory: string;
  readonly environment: Environment;
  readonly terminal: Terminal;
  /** Interrupts the training. */
  readonly signal: AbortSignal;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
}

/** The exit code a shell gives to a command that Ctrl-C ended: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;
const EXIT_MISCONFIGURED = 2;
const VALIDATION_SHARE = 0.1;
const LEAST_COUNT = 20;
const CHART = { width: 60, height: 12 };

/** Resolves with the exit code; rejects with what is nobody's fault but the program's. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { terminal, signal, directory, environment } = options;
  const { env, file } = loadEnvironment(directory, environment);
  const paint = createPaint(terminal, env);
  try {
    await learnMobyDick(options, env, file ?? 'the environment', paint);
    return 0;
  } catch (error) {
    if (signal.aborted) {
      terminal.write(`${paint('yellow', 'Interrupted: the run ended as failed, and keeps what it logged.')}\n`);
      return EXIT_INTERRUPTED;
    }
    if (!(error instanceof ConfigError)) throw error;
    terminal.write(`${paint('red', error.message)}\n`);
    return EXIT_MISCONFIGURED;
  }
}

async function learnMobyDick(options: DemoOptions, env: Environment, source: string, paint: Paint): Promise<void> {
  const { directory, terminal, signal, now } = options;
  const say = (text: string): void => {
    terminal.write(`${text}\n`);
  };
  const { settings, warnings } = readSettings(env);
  for (const warning of warnings) say(paint('yellow', warning));
  const dataset = createDataset(readMobyDick(), { validationShare: VALIDATION_SHARE, leastCount: LEAST_COUNT });
  const totalSteps = settings.epochs * settings.steps_per_epoch;
  const chart = new LossChart();
  const startedAt = now();

  const { run, result } = await withPublisher({ env, run: { tags: ['demo'] } }, async (publisher) => {
    say(`${paint('bold', `Run ${publisher.run.id}`)}, configured by ${source}`);
    say(
      `Learning the next character of "Moby-Dick" in ${totalSteps} steps. ` +
        `Training text: ${dataset.training.length} characters, held out: ${dataset.validation.length}.\n`,
    );
    const progress = new Progress({ totalSteps, terminal, interactive: isInteractive(terminal, env), paint, now });
    try {
      const observers = [progress, chart];
      return { run: publisher.run, result: await train({ dataset, settings, publisher, signal, observers }) };
    } finally {
      progress.finish();
    }
  });

  say(`\n${chart.draw(CHART, paint)}\n`);
  say(`${describeResult(result, paint)}\n`);
  say(`${paint('bold', 'The model writes:')} ${result.sample}\n`);
  say(`Trained, logged and delivered in ${formatDuration((now() - startedAt) / 1000)} min.`);
  say(describeOutputs({ run, env, directory, paint }));
}
