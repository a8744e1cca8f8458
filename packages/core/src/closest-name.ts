/** "Did you mean": the known name that a misspelt one is closest to. */

/** Names further apart than this are taken for different ones, not for slips. */
const MAX_DISTANCE = 2;

/**
 * The name of `known` nearest to `name`, at most two insertions, deletions or substitutions away; the first of equals. Names
 * that have nothing left in common are not near, however short.
 */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const distances = known.map((candidate) => {
    const distance = editDistance(name, candidate);
    return distance < Math.max(name.length, candidate.length) ? distance : Infinity;
  });
  const least = Math.min(MAX_DISTANCE, ...distances);
  return known[distances.indexOf(least)];
}

/** Levenshtein distance, by rows. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  let distance = right.length;
  for (const [i, character] of [...left].entries()) {
    let diagonal = i;
    let before = i + 1;
    const next = [before];
    for (const [j, above] of row.slice(1).entries()) {
      const substitution = diagonal + (right.charAt(j) === character ? 0 : 1);
      before = Math.min(substitution, above + 1, before + 1);
      next.push(before);
      diagonal = above;
    }
    row = next;
    distance = before;
  }
  return distance;
}
