// A trainer as a process of its own: `node trainer.ts <dir> <run id> <first step> <steps> <end>`. It logs to a JSONL sink, says
// so once those steps are logged, and then ends as finished, or logs on until it is killed where <end> is `never`.
import { join } from 'node:path';
import { createPublisher, jsonlSink } from 'runcast';

const [dir = '', id = '', first = '', steps = '', end = ''] = process.argv.slice(2);
const publisher = await createPublisher({
  run: { id, project: 'demo', resume: 'allow' },
  dir: join(dir, 'runs'),
  sinks: [jsonlSink({ dir: join(dir, 'rows') })],
});
let step = Number(first);
const logNext = (): void => {
  publisher.logStep({ step, loss: 1 / (step + 1) });
  step += 1;
};
while (step < Number(first) + Number(steps)) logNext();
process.stdout.write('logged\n');
if (end === 'never') setInterval(logNext, 1);
else await publisher.close();
