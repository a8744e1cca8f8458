/**
 * The demo from its first line to its last: configuration, a run, the training inside it, and what came of it. All that
 * concerns Runcast is the call of `withPublisher` here and the `publisher.log…` calls in train.ts.
 */

import { ConfigError, withPublisher, type Environment, type RunInfo } from 'runcast';
import { describeOutputs, describeResult } from './closing-report.ts';
import { readMobyDick } from './corpus.ts';
import { createDataset } from './dataset.ts';
import { loadEnvironment } from './env-file.ts';
import { LossChart } from './loss-chart.ts';
import { formatDuration, Progress } from './progress.ts';
import { readSettings } from './settings.ts';
import { createPaint, isInteractive, type Terminal } from './terminal.ts';
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
const VALIDATION_SHARE = 0.1;
const LEAST_COUNT = 20;
const CHART = { width: 60, height: 12 };

/** Resolves with the exit code. */
export async function runDemo({ directory, environment, terminal, signal, now }: DemoOptions): Promise<number> {
  const { env, file } = loadEnvironment(directory, environment);
  const paint = createPaint(terminal, env);
  const say = (text: string): void => {
    terminal.write(`${text}\n`);
  };
  let run: RunInfo | undefined;
  try {
    const { settings, warnings } = readSettings(env);
    for (const warning of warnings) say(paint('yellow', warning));
    const dataset = createDataset(readMobyDick(), { validationShare: VALIDATION_SHARE, leastCount: LEAST_COUNT });
    const totalSteps = settings.epochs * settings.steps_per_epoch;
    const startedAt = now();
    const chart = new LossChart();

    const result = await withPublisher({ env, run: { tags: ['demo'] } }, async (publisher) => {
      run = publisher.run;
      say(`${paint('bold', `Run ${run.id}`)}, configured by ${file ?? 'the environment'}`);
      say(
        `${totalSteps} steps to learn the next character of "Moby-Dick" from ${dataset.training.length} characters; ` +
          `${dataset.validation.length} more are held out.\n`,
      );
      const interactive = isInteractive(terminal, env);
      const progress = new Progress({ totalSteps, terminal, interactive, paint, now });
      try {
        return await train({ dataset, settings, publisher, signal, observers: [progress, chart] });
      } finally {
        progress.finish();
      }
    });

    say(`\n${chart.draw(CHART, paint)}\n`);
    say(`Trained in ${formatDuration((now() - startedAt) / 1000)} min.\n\n${describeResult(result, paint)}\n`);
    say(`${paint('bold', 'The model writes:')} ${result.sample}\n`);
    if (run !== undefined) say(describeOutputs({ run, env, directory, paint }));
    return 0;
  } catch (error) {
    if (signal.aborted) {
      say(paint('yellow', `Interrupted: the run ended as failed. What it logged is kept.`));
      if (run !== undefined) say(describeOutputs({ run, env, directory, paint }));
      return EXIT_INTERRUPTED;
    }
    if (!(error instanceof ConfigError)) throw error;
    say(paint('red', error.message));
    return 1;
  }
}
