/**
 * Lines of a log, and a step's taken apart as text. Most records of most runs are steps, and most of what a sink makes of one that
 * writes text is in its line already: finding it there takes a third of the time that making it again takes.
 */

import { RECORD_VERSION } from './record.ts';
import type { RecordBatch } from './sink.ts';

/**
 * Each of the batch's records as its line of the log, so that a sink that writes text need not make all of it again. Undefined
 * where there are none, and where somebody in between has put other records into the batch.
 */
export function linesOf({ records, logged }: RecordBatch): readonly string[] | undefined {
  return logged?.records === records ? logged.lines : undefined;
}

/** Texts as the line has them. */
export interface StepLine {
  readonly seq: string;
  readonly time: string;
  readonly n: string;
  readonly step: string;
  /** What is between the braces: at least one member, without braces in any name. */
  readonly metrics: string;
}

const COUNT = String.raw`(0|[1-9]\d{0,14})`;
const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?`;
const NAME = String.raw`"[^"\\{}\u0000-\u001F]*"`;
const MEMBER = `${NAME}:(?:${NUMBER}|"(?:NaN|-?Infinity)")`;
const MEMBERS = [
  `"v":${RECORD_VERSION}`,
  `"seq":${COUNT}`,
  String.raw`"time":(\d+(?:\.\d+)?)`,
  '"kind":"step"',
  `"n":${COUNT}`,
  `"step":${COUNT}`,
  String.raw`"metrics":\{(${MEMBER}(?:,${MEMBER})*)\}`,
];
const STEP_LINE = new RegExp(String.raw`^\{${MEMBERS.join(',')}\}$`, 'u');

/**
 * @param line Any text. Undefined where it is not a step's line in the very form that the log writes, which names with
 * quotes, backslashes or braces in them lack as well. What has that form is a whole and valid record, and nothing else.
 */
export function splitStepLine(line: string): StepLine | undefined {
  const [, seq, time, n, step, metrics] = STEP_LINE.exec(line) ?? [];
  if (seq === undefined || time === undefined || n === undefined || step === undefined || metrics === undefined)
    return undefined;
  return { seq, time, n, step, metrics };
}
