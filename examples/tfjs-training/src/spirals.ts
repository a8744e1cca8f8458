/** Points on two spirals wound into each other: no straight line tells them apart, and a small network can. */

/** `inputs` are pairs of coordinates from -1 to 1; the label is the spiral, 0 or 1. */
export interface Points {
  readonly inputs: readonly (readonly [number, number])[];
  readonly labels: readonly (0 | 1)[];
}

const TURNS = 1;
const NOISE = 0.04;

/** As many points of each spiral, in turn. `random` is uniform in [0, 1). */
export function spirals(pointsPerSpiral: number, random: () => number): Points {
  const points = Array.from({ length: pointsPerSpiral * 2 }, (_, index) => {
    const label = index % 2 === 0 ? 0 : 1;
    // The square root spreads the points evenly along the curve.
    const along = Math.sqrt(random());
    const angle = along * TURNS * 2 * Math.PI + label * Math.PI;
    const off = (): number => (random() - 0.5) * 2 * NOISE;
    const at: readonly [number, number] = [along * Math.cos(angle) + off(), along * Math.sin(angle) + off()];
    return { at, label } as const;
  });
  return { inputs: points.map(({ at }) => at), labels: points.map(({ label }) => label) };
}
