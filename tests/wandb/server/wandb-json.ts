// W&B's JSON: standard JSON in which NaN and the infinities are bare words, as Python's json module writes them. Read strictly:
// anything else that is no JSON throws.

/** Where a string begins, or a bare word that stands for a number. */
const TOKEN = /"|-?Infinity|NaN/gu;
/** Where a string ends, if the character before is not escaped. */
const QUOTE_OR_ESCAPE = /["\\]/gu;
/** Goes before the name of a bare word while it is a string; no client writes a string of that form. */
const MARK = '\u0000';

export type JsonRow = Readonly<Record<string, unknown>>;

/** Throws a SyntaxError where the text is not JSON but for NaN, Infinity and -Infinity. */
export function parseWandbJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(withMarkedWords(text), (_key, value: unknown) =>
      typeof value === 'string' && value.startsWith(MARK) ? (numberOf(value.slice(1)) ?? value) : value,
    );
  }
}

/** Standard JSON; undefined where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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

/** Bare words as strings that begin with the mark; what stands within strings is left alone. */
function withMarkedWords(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  for (TOKEN.lastIndex = 0; ;) {
    const token = TOKEN.exec(text);
    if (token === null) return parts.join('') + text.slice(copied);
    const [word] = token;
    if (word === '"') {
      TOKEN.lastIndex = endOfString(text, token.index + 1);
    } else {
      parts.push(text.slice(copied, token.index), `"\\u0000${word}"`);
      copied = token.index + word.length;
    }
  }
}

/** Behind the closing quote of a string, or the end of the text. */
function endOfString(text: string, from: number): number {
  QUOTE_OR_ESCAPE.lastIndex = from;
  for (;;) {
    const found = QUOTE_OR_ESCAPE.exec(text);
    if (found === null) return text.length;
    if (found[0] === '"') return found.index + 1;
    QUOTE_OR_ESCAPE.lastIndex = found.index + 2;
  }
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
