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
 * their digits; typed arrays plain arrays; what has a `toJSON` that; `undefined` members are left out, as JSON.stringify does.
 * Cycles, functions, symbols, nesting over 64 levels and objects that would come out empty, such as a Map, are problems, named
 * by their path. Never throws: a getter that does is a problem as well.
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
    const result = visitContent(item, path);
    ancestors.delete(item);
    return result;
  };
  const visitContent = (item: object, path: string): JsonResult => {
    if (isArrayLike(item)) return visitArray(Array.from(item), path);
    if ('toJSON' in item && typeof item.toJSON === 'function') return visit(Reflect.apply(item.toJSON, item, []), path);
    return visitMembers(item, path);
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
    const members = Object.entries(item);
    // By tag, not by prototype: a plain object of another realm is one all the same.
    const type = Object.prototype.toString.call(item).slice('[object '.length, -1);
    if (members.length === 0 && type !== 'Object') return { ok: false, problem: `${path} has no JSON form: ${type}` };
    for (const [key, member] of members) {
      if (member === undefined) continue;
      const result = visit(member, `${path}.${key}`);
      if (!result.ok) return result;
      copy.push([key.toWellFormed(), result.value]);
    }
    return { ok: true, value: Object.fromEntries(copy) };
  };
  try {
    return visit(value, '$');
  } catch (error) {
    return { ok: false, problem: `$ cannot be read: ${String(error)}` };
  }
}

function isArrayLike(item: object): item is ArrayLike<unknown> {
  return Array.isArray(item) || (ArrayBuffer.isView(item) && 'length' in item);
}
