// W&B's JSON: standard JSON in which NaN and the infinities are bare words, as Python's json module writes them. Read strictly:
// anything else that is no JSON throws.

/** A string or a bare word that stands for a number; strings are matched so that words in them are left alone. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gu;
/** Goes before the name of a bare word while it is a string; no client writes a string of that form. */
const MARK = '\u0000';

export type JsonRow = Readonly<Record<string, unknown>>;

/** Throws a SyntaxError where the text is not JSON but for NaN, Infinity and -Infinity. */
export function parseWandbJson(text: string): unknown {
  const marked = text.replaceAll(TOKEN, (token) => (token.startsWith('"') ? token : `"\\u0000${token}"`));
  const revive = (_key: string, value: unknown): unknown =>
    typeof value === 'string' && value.startsWith(MARK) ? (numberOf(value.slice(1)) ?? value) : value;
  return JSON.parse(marked, revive);
}

/** A JSON object with W&B's words; undefined where the text is none. */
export function parseRow(text: string): JsonRow | undefined {
  try {
    const value = parseWandbJson(text);
    return isRow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRow(value: unknown): value is JsonRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberOf(word: string): number | undefined {
  switch (word) {
    case 'NaN':
      return Number.NaN;
    case 'Infinity':
      return Infinity;
    case '-Infinity':
      return -Infinity;
    default:
      return undefined;
  }
}
