// Every cell there is.
import type { Cell } from './cell.ts';
import { killCells } from './kill-cells.ts';

export const cells: readonly Cell[] = [...killCells];
