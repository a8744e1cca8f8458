/** Results are data that nobody changes: whoever is handed one may keep it. */

/** The same value, frozen with everything in it. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const members: readonly unknown[] = Object.values(value);
  for (const member of members) frozen(member);
  return Object.freeze(value);
}
