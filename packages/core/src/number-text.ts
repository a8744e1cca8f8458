/** A finite number as JSON writes it, but for a negative zero, which JSON.stringify loses. */
export function numberText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  return JSON.stringify(value);
}
