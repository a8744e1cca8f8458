/** How a figure looks: in print, on a slide, and to those who see few colours. */

export const FONTS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";
export const FONT_SIZE = 12;
export const INK = '#1a1a1a';
/** Of axes, lighter than what they are for. */
export const AXIS_INK = '#4d4d4d';
export const GRID_INK = '#e5e5e5';
/** Between what belongs together. */
export const GAP = 6;

/** M. Okabe and K. Ito, Color universal design, 2008, without its yellow, which white swallows. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'] as const;
/** For each further round of the colours. */
const DASHES = ['', '6 4', '1.5 3.5', '8 4 1.5 4'] as const;

/** How the curves of one label are drawn. */
export interface Stroke {
  /** Attributes of a line. */
  readonly line: string;
  /** Attributes of a band. */
  readonly band: string;
}

/** By the place of the label among all. */
export function strokeAt(index: number): Stroke {
  const colour = COLOURS[index % COLOURS.length];
  const dashes = DASHES[Math.floor(index / COLOURS.length) % DASHES.length];
  const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`;
  return {
    line: `fill="none" stroke="${colour}" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"${dashed}`,
    band: `fill="${colour}" fill-opacity="0.2"`,
  };
}
