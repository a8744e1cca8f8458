// The file stream: rows, events, summary and console lines of a run, written by line number, and the end of the run.
import { z } from 'zod';
import { HISTORY, SUMMARY, type RunState } from './run-state.ts';
import type { Violations } from './violation.ts';
import { parseJson, parseRow, type JsonRow } from './wandb-json.ts';
import type { ChangedLine } from './line-file.ts';

/** The longest line that the official client sends: 10 MiB less 100 KiB. */
const MAX_LINE_BYTES = 10 * 1024 * 1024 - 100 * 1024;
/** The official client sends about 10 MiB of lines at once; a single line always goes. */
const MAX_REQUEST_BYTES = 11 * 1024 * 1024;

const body = z.strictObject({
  files: z
    .record(z.string(), z.strictObject({ offset: z.int().nonnegative(), content: z.array(z.string()) }))
    .optional(),
  uploaded: z.array(z.string()).optional(),
  preempting: z.boolean().optional(),
  complete: z.boolean().optional(),
  exitcode: z.int().optional(),
});

/** Takes a request into the run. Returns false, and takes nothing, where it is no request of the file stream. */
export function takeFileStream(run: RunState, text: string, violations: Violations): boolean {
  const parsed = body.safeParse(parseJson(text));
  if (!parsed.success) {
    violations.report('body', `${run.id}: not a file stream request: ${text.slice(0, 200)}`);
    return false;
  }
  const { files = {}, uploaded = [], complete, exitcode } = parsed.data;
  if (run.complete && text !== run.lastBody)
    violations.report('after-complete', `${run.id}: file stream: ${text.slice(0, 200)}`);
  run.heard();
  checkSizes(
    run,
    Object.values(files).flatMap(({ content }) => content),
    violations,
  );
  for (const [name, { offset, content }] of Object.entries(files)) writeLines(run, name, offset, content, violations);
  for (const path of uploaded) {
    if (!run.files.has(path))
      violations.report('upload', `${run.id}: ${path} is said to be uploaded, its bytes never came`);
    run.uploaded.push(path);
  }
  if (complete === true) {
    run.complete = true;
    run.exitCode = exitcode;
    run.lastBody = text;
    if (exitcode === undefined) violations.report('body', `${run.id}: complete without an exit code`);
  }
  return true;
}

function checkSizes(run: RunState, lines: readonly string[], violations: Violations): void {
  const sizes = lines.map((line) => Buffer.byteLength(line));
  for (const size of sizes)
    if (size > MAX_LINE_BYTES) violations.report('size', `${run.id}: a line of ${size} bytes, over ${MAX_LINE_BYTES}`);
  const sum = sizes.reduce((total, size) => total + size, 0);
  if (sizes.length > 1 && sum > MAX_REQUEST_BYTES)
    violations.report('size', `${run.id}: ${sum} bytes of lines in a request`);
}

function writeLines(
  run: RunState,
  name: string,
  offset: number,
  content: readonly string[],
  violations: Violations,
): void {
  const file = run.lineFile(name);
  if (file === undefined) {
    violations.report('body', `${run.id}: the file stream has no file ${name}`);
    return;
  }
  const isJson = name.startsWith('wandb-');
  for (const line of isJson ? content : [])
    if (parseRow(line) === undefined) violations.report('line', `${run.id}: ${name}: ${line.slice(0, 200)}`);
  if (name === SUMMARY && (offset !== 0 || content.length !== 1))
    violations.report('summary', `${run.id}: ${content.length} lines at ${offset}`);
  const linesBefore = file.lines.length;
  const { gap, changed } = file.write(offset, content);
  if (gap > 0 && name !== SUMMARY)
    violations.report('gap', `${run.id}: ${name}: written at ${offset}, of ${linesBefore} lines`);
  if (isJson && name !== SUMMARY)
    for (const change of changed)
      if (change.line < linesBefore - 1 || !extendsRow(change))
        violations.report(
          'overwrite',
          `${run.id}: ${name}: line ${change.line} of ${linesBefore} was ${change.before.slice(0, 200)}, is ${change.after.slice(0, 200)}`,
        );
  if (name === HISTORY) checkSteps(run, file.lines, offset, content.length, violations);
}

/** The newest line may come again with further keys. */
function extendsRow({ before, after }: ChangedLine): boolean {
  const old = parseRow(before);
  const now = parseRow(after);
  if (old === undefined || now === undefined) return false;
  return Object.entries(old).every(
    ([key, value]) => key === '_timestamp' || key === '_runtime' || (key in now && isSame(value, now[key])),
  );
}

function isSame(left: unknown, right: unknown): boolean {
  return Object.is(left, right) || JSON.stringify(left) === JSON.stringify(right);
}

function checkSteps(
  run: RunState,
  lines: readonly string[],
  offset: number,
  count: number,
  violations: Violations,
): void {
  let previous = stepOf(parseRow(lines[offset - 1] ?? ''));
  for (const line of lines.slice(offset, offset + count)) {
    const row = parseRow(line);
    if (row === undefined) continue;
    const step = stepOf(row);
    if (step === undefined) violations.report('step', `${run.id}: no _step in ${line.slice(0, 200)}`);
    else if (previous !== undefined && step < previous)
      violations.report('step', `${run.id}: _step ${step} after ${previous}`);
    previous = step ?? previous;
  }
}

function stepOf(row: JsonRow | undefined): number | undefined {
  const step = row?.['_step'];
  return typeof step === 'number' && Number.isInteger(step) ? step : undefined;
}
