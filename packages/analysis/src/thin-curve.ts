/** Curves of a million points as pictures of some hundred columns: what is left out could not be seen. */

/** A point in pixels. */
export interface PlacedPoint {
  readonly x: number;
  readonly y: number;
}

/** A band at one place, in pixels. */
export interface PlacedBand {
  readonly x: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Of each pixel column the first and the last point and those furthest up and down: the line through them covers the same
 * pixels.
 *
 * U. Jugel et al., M4: a visualization-oriented time series data aggregation, VLDB 2014.
 *
 * @param points In the order of `x`, without gaps.
 */
export function thinLine(points: readonly PlacedPoint[]): readonly PlacedPoint[] {
  return columnsOf(points).flatMap((column) => {
    if (column.length <= 4) return column;
    let [least, greatest] = [0, 0];
    for (const [index, { y }] of column.entries()) {
      if (y < Number(column[least]?.y)) least = index;
      if (y > Number(column[greatest]?.y)) greatest = index;
    }
    const kept = new Set([0, least, greatest, column.length - 1]);
    return column.filter((_, index) => kept.has(index));
  });
}

/** Of each pixel column one place, with a band over all of the column's. */
export function thinBand(bands: readonly PlacedBand[]): readonly PlacedBand[] {
  return columnsOf(bands).flatMap((column) => {
    if (column.length <= 2) return column;
    const from = Math.min(...column.map((band) => band.from));
    const to = Math.max(...column.map((band) => band.to));
    return [column[0], column.at(-1)].map((end) => ({ x: Number(end?.x), from, to }));
  });
}

function columnsOf<T extends { readonly x: number }>(points: readonly T[]): readonly (readonly T[])[] {
  return [...Map.groupBy(points, ({ x }) => Math.floor(x)).values()];
}

/** The stretches without gaps. */
export function stretches<T>(items: readonly (T | undefined)[]): readonly (readonly T[])[] {
  const found: T[][] = [];
  let open: T[] | undefined;
  for (const item of items) {
    if (item === undefined) {
      open = undefined;
      continue;
    }
    if (open === undefined) found.push((open = []));
    open.push(item);
  }
  return found;
}
