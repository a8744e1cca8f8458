/**
 * Owns the run and starts the others. `childEnv` is all they need: their own `publisherFromEnv()` joins this run. While
 * they run this process is blocked, and delivers what they log all the same, from its worker thread.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withPublisher } from 'runcast';

await withPublisher(
  { run: { project: 'pipeline', name: 'operator', config: { learning_rate: 0.02, samples: 2000 } } },
  (publisher) => {
    const env = { ...process.env, ...publisher.childEnv };
    const runDirectory = publisher.run.directory ?? 'runs';
    const output = join(runDirectory, 'output');
    mkdirSync(output, { recursive: true });
    console.log(`run ${publisher.run.id} in ${runDirectory}`);
    for (const stage of ['train', 'evaluate']) {
      const module = join(import.meta.dirname, `${stage}.ts`);
      execFileSync(process.execPath, [...process.execArgv, module, output], { env, stdio: 'inherit' });
    }
    publisher.addTags(['complete']);
  },
);
