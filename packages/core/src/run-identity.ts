/**
 * Run ids become directory names, TensorBoard run names and W&B run ids, so what they may be is the intersection of what
 * all of these can hold safely.
 */

import type { ConfigProblem } from './errors.ts';

/** Longest id or name, in bytes of UTF-8. */
const MAX_ID_BYTES = 128;

/** Names that Windows keeps for devices, with or without an extension. */
const DEVICE_NAME = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu;
/** What the default `JSONL__DIR` and `STORE__URL` call their own beside the runs. */
const OWN_NAME = /^(?:jsonl|runcast\.db)$/iu;
// The range is the point: control characters make directory names that cannot be typed or printed.
const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * Says what makes `id` unusable as a run id, or undefined where it is usable: 1 to 128 bytes of well-formed text without
 * `/`, `\`, control characters, `..`, a leading dot or dash, trailing dots or blanks around it, and neither a device
 * name nor one that Runcast's own files have beside the runs.
 */
export function checkRunId(id: string): string | undefined {
  if (id.length === 0) return 'is empty';
  const bytes = new TextEncoder().encode(id).length;
  if (bytes > MAX_ID_BYTES) return `is ${bytes} bytes long; at most ${MAX_ID_BYTES} are allowed`;
  if (!id.isWellFormed()) return 'holds a lone surrogate';
  if (CONTROL_CHARACTER.test(id)) return `${JSON.stringify(id)} holds a control character`;
  if (/[/\\]/u.test(id)) return `${JSON.stringify(id)} holds a slash: an id names one directory`;
  if (id.includes('..')) return `${JSON.stringify(id)} holds ".."`;
  if (/^[.-]/u.test(id) || id.endsWith('.') || id.trim() !== id)
    return `${JSON.stringify(id)} starts with a dot or dash, ends with a dot or has blanks around it`;
  if (DEVICE_NAME.test(id) || OWN_NAME.test(id)) return `${JSON.stringify(id)} is a reserved name`;
  return undefined;
}

/** As {@link checkRunId}, as a problem of a configuration. */
export function runIdProblems(id: string | undefined, variable: string): readonly ConfigProblem[] {
  const message = id === undefined ? undefined : checkRunId(id);
  return message === undefined ? [] : [{ variable, message }];
}

/**
 * A run id that sorts by time: `20261121-094512-k3v9xq`.
 *
 * @param nowMs Unix time in milliseconds.
 * @param random Uniform in [0, 1).
 */
export function createRunId(nowMs: number, random: () => number): string {
  const [date = '', clock = ''] = new Date(nowMs).toISOString().split('T');
  return `${date.replaceAll('-', '')}-${clock.slice(0, 8).replaceAll(':', '')}-${randomName(6, random)}`;
}

/** `length` random letters and digits; a letter first, so that it can start any identifier. */
export function randomName(length: number, random: () => number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length }, (_, index) => alphabet.charAt(Math.floor(random() * (index === 0 ? 26 : 36)))).join('');
}
