/** Parameters that change together: whatever the outcome goes with, no statistics can tell which of them it is. */

import { sampleRankCorrelation } from 'simple-statistics';

type Configuration = Readonly<Record<string, number | string | boolean>>;

/** Two numbers whose ranks go together as closely as this are one. */
const SAME_ORDER = 0.95;
/** With fewer runs in common, everything goes together. */
const LEAST_RUNS = 4;

/**
 * Groups of two or more among these parameters. Two go together where either says what the other is, in runs that have both
 * and with less values than runs; or where both are numbers and their rank correlation is at least 0.95, either way.
 */
export function confoundedGroups(
  names: readonly string[],
  configurations: readonly Configuration[],
): readonly (readonly string[])[] {
  const groups: string[][] = [];
  for (const name of names) {
    const group = groups.find(([first]) => first !== undefined && goTogether(first, name, configurations));
    if (group === undefined) groups.push([name]);
    else group.push(name);
  }
  return groups.filter(({ length }) => length > 1);
}

function goTogether(left: string, right: string, configurations: readonly Configuration[]): boolean {
  const pairs = configurations.flatMap((configuration) => {
    const [first, second] = [configuration[left], configuration[right]];
    return first === undefined || second === undefined ? [] : [[first, second] as const];
  });
  if (pairs.length < LEAST_RUNS) return false;
  const different = new Set(pairs.map((pair) => JSON.stringify(pair))).size;
  const [lefts, rights] = [
    new Set(pairs.map(([first]) => first)).size,
    new Set(pairs.map(([, second]) => second)).size,
  ];
  if (lefts === 1 || rights === 1) return false;
  if (different === lefts && different === rights && different < pairs.length) return true;
  return Math.abs(rankCorrelation(pairs)) >= SAME_ORDER;
}

/** NaN, which is no correlation, where one of the two is no number. */
function rankCorrelation(pairs: readonly (readonly [Configuration[string], Configuration[string]])[]): number {
  const numbers = pairs.flatMap(([left, right]) =>
    typeof left === 'number' && typeof right === 'number' ? [[left, right] as const] : [],
  );
  if (numbers.length < pairs.length) return NaN;
  return sampleRankCorrelation(
    numbers.map(([left]) => left),
    numbers.map(([, right]) => right),
  );
}
