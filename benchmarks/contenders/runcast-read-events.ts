/** Every value of an event file, one at a time or by the thousand: `batches` as the last argument. */

import { readEventBatches, readEvents, type TensorboardEvent } from '@runcast/tensorboard';
import { answer, readWorkload } from './workload.ts';

const VALUES_A_RECORD = 4;

const { count, args } = readWorkload();
const [file = '', how] = args;
let values = 0;
let sum = 0;

function take(event: TensorboardEvent): void {
  if (event.kind !== 'scalar') return;
  values += 1;
  sum += event.value;
}

const cpuStart = process.cpuUsage();
const start = performance.now();
if (how === 'batches') {
  for await (const batch of readEventBatches(file)) for (const event of batch) take(event);
} else {
  for await (const event of readEvents(file)) take(event);
}
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(cpuStart);
if (values !== count * VALUES_A_RECORD || !(sum > 0)) throw new Error(`${file} has ${values} values`);
answer({ 'records/s': count / seconds, 'cpu/record': (cpu.user + cpu.system) / count });
