// Every cell there is.
import { backendCells } from './backend-cells.ts';
import type { Cell } from './cell.ts';
import { damageCells } from './damage-cells.ts';
import { diskCells } from './disk-cells.ts';
import { leakCells } from './leak-cells.ts';
import { memberCells } from './member-cells.ts';
import { endCells } from './end-cells.ts';
import { fullDiskCells } from './full-disk-cells.ts';
import { redisCells } from './redis-cells.ts';
import { killCells } from './kill-cells.ts';
import { openingCells } from './opening-cells.ts';
import { sqliteCells } from './sqlite-cells.ts';
import { postgresCells } from './postgres-cells.ts';
import { wandbCells } from './wandb-cells.ts';
import { wandbSdkCells } from './wandb-sdk-cells.ts';

export const cells: readonly Cell[] = [
  ...killCells,
  ...endCells,
  ...openingCells,
  ...damageCells,
  ...diskCells,
  ...fullDiskCells,
  ...backendCells,
  ...wandbCells,
  ...wandbSdkCells,
  ...memberCells,
  ...leakCells,
  ...redisCells,
  ...sqliteCells,
  ...postgresCells,
];
