// `pnpm losses`: what W&B's official client and our engines lose, as a table of Markdown; with `--save <file>` also there.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureEngineLosses } from './engine-losses.ts';
import { missingClient } from './official-client.ts';
import { measureLosses, type Loss } from './official-losses.ts';

const { values } = parseArgs({ options: { save: { type: 'string' } } });

function row(client: string, { fault, logged, landed, synced, state, exitCode, warnings }: Loss): string {
  return `| ${[fault, client, logged, landed, synced, state, exitCode ?? 'killed', warnings.length].join(' | ')} |`;
}

if (missingClient === undefined) {
  const clients = [
    ['`WANDB__ENGINE=native`', await measureEngineLosses('native')],
    ['`WANDB__ENGINE=sdk`', await measureEngineLosses('sdk')],
    ['wandb 0.31.0 (Python)', await measureLosses()],
  ] as const;
  const rows = clients.flatMap(([client, losses]) => losses.map((loss, order) => ({ order, text: row(client, loss) })));
  const table = [
    '| what happens | client | rows logged | on the server | after its sync | run | exit code | warnings |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.toSorted((one, other) => one.order - other.order).map(({ text }) => text),
    '',
  ].join('\n');
  console.log(table);
  if (values.save !== undefined) writeFileSync(values.save, table);
} else {
  console.error(missingClient);
  process.exitCode = 1;
}
