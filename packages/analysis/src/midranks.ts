/** Ranks, which know order and nothing else: one enormous value weighs no more than a large one. */

/** From 0; equal values have the mean of the ranks that they take up. Only finite values have ranks. */
export function midranks(values: readonly number[]): readonly number[] {
  const order = values.map((_, index) => index).toSorted((left, right) => Number(values[left]) - Number(values[right]));
  const ranks = values.map(() => 0);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[Number(order[end])] === values[Number(order[start])]) end += 1;
    for (const index of order.slice(start, end)) ranks[index] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}
