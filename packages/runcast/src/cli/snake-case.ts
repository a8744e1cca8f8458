/** Results of our packages, whose members are camelCase, as the JSON that commands print. */

import { isJsonArray, isJsonObject, toJson, type JsonValue } from '@runcast/core';

/** A copy whose members are in snake_case. NaN and infinities are texts, and what is undefined is left out. */
export function snakeCased(value: object): JsonValue {
  const result = toJson(value);
  if (!result.ok) throw new TypeError(result.problem);
  return renamed(result.value);
}

function renamed(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map((item) => renamed(item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`),
      renamed(member),
    ]),
  );
}
