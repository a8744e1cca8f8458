// The last words of a test run, for people and for machines: every skipped and every failed test by name with its reason,
// then one line `N passed, N failed, N skipped`. Printed when the process exits, so that it comes after the coverage table:
// of a long log often only the end is kept. On a build server (CI=true) everything a test needs can be had, so a skipped test
// there fails the run.
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/** What a run came to; `failed` and `skipped` hold `<full name>: <reason>`. */
export interface Summary {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

/** The summary as printed; its last line is `N passed, N failed, N skipped`. */
export function formatSummary({ passed, failed, skipped }: Summary): string {
  const list = [...skipped.map((test) => `skipped: ${test}\n`), ...failed.map((test) => `failed: ${test}\n`)];
  return `${list.join('')}${passed} passed, ${failed.length} failed, ${skipped.length} skipped\n`;
}

/** Whether the run fails for its skipped tests alone. */
export function skipsFailTheRun(summary: Summary, env: Readonly<Record<string, string | undefined>>): boolean {
  return env['CI'] === 'true' && summary.skipped.length > 0;
}

/** A reason is a line, not the whole of what was compared. */
const MAX_REASON_LENGTH = 300;

/** Why a test without a note of its own was not run, by what it was declared with. */
const REASONS = {
  run: 'what it needs could not be set up',
  only: 'what it needs could not be set up',
  skip: 'no reason given',
  todo: 'not written yet',
} as const;

function skippedTest(test: TestCase, note: string | undefined): string {
  return `${nameOf(test)}: ${note ?? REASONS[test.options.mode]}`;
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

/** What went wrong, on one line, with the place in the project's own files where it did. */
function reasonOf(errors: readonly SerializedError[] | undefined): string {
  const [error] = errors ?? [];
  if (error === undefined) return 'no reason given';
  const place = error.stacks?.find(({ file }) => !file.includes('node_modules'));
  const at = place === undefined ? '' : ` (${place.file}:${place.line})`;
  return `${error.message.replaceAll(/\s+/gu, ' ').slice(0, MAX_REASON_LENGTH)}${at}`;
}

/** Counts tests, and modules and errors that failed outside any test, each as one failure. */
export function summarise(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): Summary {
  let passed = 0;
  const failed = unhandledErrors.map((error) => `outside of tests: ${reasonOf([error])}`);
  const skipped: string[] = [];
  for (const module of modules) {
    const failedBefore = failed.length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') failed.push(`${nameOf(test)}: ${reasonOf(result.errors)}`);
      else skipped.push(skippedTest(test, result.state === 'skipped' ? result.note : 'the run was interrupted'));
    }
    if (failed.length === failedBefore && module.state() === 'failed')
      failed.push(`${module.relativeModuleId}: ${reasonOf(module.errors())}`);
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
