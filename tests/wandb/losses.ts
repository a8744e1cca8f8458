// `pnpm losses`: what W&B's official client loses, as a table of Markdown.
import { missingClient } from './official-client.ts';
import { measureLosses } from './official-losses.ts';

if (missingClient === undefined) {
  console.log(
    '| wandb 0.31.0 (Python) | rows logged | on the server | after `wandb sync --no-skip-online` | run | exit code | warnings |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { fault, logged, landed, synced, state, exitCode, warnings } of await measureLosses())
    console.log(`| ${[fault, logged, landed, synced, state, exitCode ?? 'killed', warnings.length].join(' | ')} |`);
} else {
  console.error(missingClient);
  process.exitCode = 1;
}
