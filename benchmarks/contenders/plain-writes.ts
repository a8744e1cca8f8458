/**
 * The floor of wandb-calls: no logger, only the writes that a log cannot do without which is with the system when a call returns, a
 * burst's rows one at a time and a flood's by the page.
 */

import { openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { measureRested } from './call-latency.ts';
import { answer, readWorkload } from './workload.ts';

const BURST_ROWS = 1024;
/** As Runcast's log has it of three scalars. */
const ROW_BYTES = 165;
const PAGE_BYTES = 4096;
const ROWS_A_PAGE = Math.floor(PAGE_BYTES / ROW_BYTES);

const { directory, count } = readWorkload();
const file = openSync(path.join(directory, 'rows'), 'w');
const rows = Buffer.alloc(PAGE_BYTES, 'x');

const figures = await measureRested(count, (step) => {
  // What was written before the measured calls was as many.
  const row = step % count;
  if (row < BURST_ROWS) writeSync(file, rows, 0, ROW_BYTES);
  else if (row % ROWS_A_PAGE === 0) writeSync(file, rows, 0, PAGE_BYTES);
});
answer({ ...figures });
