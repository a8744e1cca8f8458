/** What the curves of runs say, and how they look: pure functions of points, whatever store those are from. */
export type { CurvePoint, Direction } from './curve.ts';
export * from './average.ts';
export * from './drift.ts';
export * from './instability.ts';
export * from './plateau.ts';
export * from './sensitivity.ts';
export * from './plot.ts';
