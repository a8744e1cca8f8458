// Every cell there is.
import type { Cell } from './cell.ts';
import { damageCells } from './damage-cells.ts';
import { diskCells } from './disk-cells.ts';
import { killCells } from './kill-cells.ts';

export const cells: readonly Cell[] = [...killCells, ...damageCells, ...diskCells];
