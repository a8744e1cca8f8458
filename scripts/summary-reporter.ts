// The last words of a test run, for people and for machines: every skipped test by name with its reason, then one line
// `N passed, N failed, N skipped`. Printed when the process exits, so that it comes after the coverage table. On a build
// server (CI=true) everything a test needs can be had, so a skipped test there fails the run.
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/** What a run came to; `skipped` holds `<full name>: <reason>`. */
export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

/** The summary as printed; its last line is `N passed, N failed, N skipped`. */
export function formatSummary({ passed, failed, skipped }: Summary): string {
  const list = skipped.map((test) => `skipped: ${test}\n`).join('');
  return `${list}${passed} passed, ${failed} failed, ${skipped.length} skipped\n`;
}

/** Whether the run fails for its skipped tests alone. */
export function skipsFailTheRun(summary: Summary, env: Readonly<Record<string, string | undefined>>): boolean {
  return env['CI'] === 'true' && summary.skipped.length > 0;
}

/** Why a test without a note of its own was not run, by what it was declared with. */
const REASONS = {
  run: 'what it needs could not be set up',
  only: 'what it needs could not be set up',
  skip: 'no reason given',
  todo: 'not written yet',
} as const;

function skippedTest(test: TestCase, note: string | undefined): string {
  const reason = note ?? REASONS[test.options.mode];
  return `${test.module.relativeModuleId} > ${test.fullName}: ${reason}`;
}

/** Counts tests, and modules and errors that failed outside any test, each as one failure. */
export function summarise(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): Summary {
  let passed = 0;
  let failed = unhandledErrors.length;
  const skipped: string[] = [];
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') failedHere += 1;
      else skipped.push(skippedTest(test, result.state === 'skipped' ? result.note : 'the run was interrupted'));
    }
    failed += failedHere === 0 && module.state() === 'failed' ? 1 : failedHere;
  }
  return { passed, failed, skipped };
}

/** Loaded by Vitest, which wants a default export. */
export default class SummaryReporter implements Reporter {
  #summary: Summary | undefined;

  onInit(): void {
    process.once('exit', () => {
      if (this.#summary !== undefined) process.stdout.write(formatSummary(this.#summary));
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#summary = summarise(modules, unhandledErrors);
    if (skipsFailTheRun(this.#summary, process.env)) {
      process.stdout.write('\nSkipped tests fail the run, because CI=true.\n');
      process.exitCode = 1;
    }
  }
}
