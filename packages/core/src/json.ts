/**
 * JSON as types, and the one way foreign values become JSON: nothing circular, nothing that JSON.stringify would drop or
 * turn into null in silence. Non-finite numbers become the strings the record format uses for them.
 */

export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What {@link toJson} makes of a value: the JSON, or where and why there is none. */
export type JsonResult =
  { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly problem: string };

const MAX_DEPTH = 64;

/** As Array.isArray, which makes `any[]` of a readonly array. */
export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A deep, JSON-safe copy. NaN and infinities become `"NaN"`, `"Infinity"`, `"-Infinity"`; dates their ISO form; bigints
 * their digits; typed arrays plain arrays; `undefined` members are left out, as JSON.stringify does. Cycles, functions,
 * symbols and nesting over 64 levels are problems, named by their path.
 */
export function toJson(value: unknown): JsonResult {
  const ancestors = new Set<object>();
  const visit = (item: unknown, path: string): JsonResult => {
    switch (typeof item) {
      case 'string':
        return { ok: true, value: item.toWellFormed() };
      case 'boolean':
        return { ok: true, value: item };
      case 'number':
        return { ok: true, value: Number.isFinite(item) ? item : String(item) };
      case 'bigint':
        return { ok: true, value: item.toString() };
      case 'object':
        return item === null ? { ok: true, value: null } : visitObject(item, path);
      default:
        return { ok: false, problem: `${path} is a ${typeof item}` };
    }
  };
  const visitObject = (item: object, path: string): JsonResult => {
    if (item instanceof Date)
      return { ok: true, value: Number.isNaN(item.getTime()) ? 'Invalid Date' : item.toISOString() };
    if (ancestors.has(item)) return { ok: false, problem: `${path} is circular` };
    if (ancestors.size >= MAX_DEPTH) return { ok: false, problem: `${path} is nested deeper than ${MAX_DEPTH} levels` };
    ancestors.add(item);
    const result = isArrayLike(item) ? visitArray(Array.from(item), path) : visitMembers(item, path);
    ancestors.delete(item);
    return result;
  };
  const visitArray = (items: readonly unknown[], path: string): JsonResult => {
    const copy: JsonValue[] = [];
    for (const [index, member] of items.entries()) {
      const result = visit(member === undefined ? null : member, `${path}[${index}]`);
      if (!result.ok) return result;
      copy.push(result.value);
    }
    return { ok: true, value: copy };
  };
  const visitMembers = (item: object, path: string): JsonResult => {
    const copy: [string, JsonValue][] = [];
    for (const [key, member] of Object.entries(item)) {
      if (member === undefined) continue;
      const result = visit(member, `${path}.${key}`);
      if (!result.ok) return result;
      copy.push([key.toWellFormed(), result.value]);
    }
    return { ok: true, value: Object.fromEntries(copy) };
  };
  return visit(value, '$');
}

function isArrayLike(item: object): item is ArrayLike<unknown> {
  return Array.isArray(item) || (ArrayBuffer.isView(item) && 'length' in item);
}
