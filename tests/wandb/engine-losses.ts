// What our two engines lose under the misfortunes of official-losses.ts, by the same measure: a trainer in a process of its own, the
// rows on the server when it has gone, and those there after the command that our warning names.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MISFORTUNES, ROWS, rowsOn, type Loss, type Misfortune } from './official-losses.ts';
import { startWandbServer } from './server/wandb-server.ts';

const TRAINER = path.join(import.meta.dirname, 'clients', 'runcast-trainer.ts');
const COMMAND = path.join(import.meta.dirname, '..', '..', 'packages', 'runcast', 'src', 'bin.ts');
const PROJECT = 'engines';

/** Takes some seconds for each misfortune. */
export async function measureEngineLosses(engine: 'native' | 'sdk'): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  for (const misfortune of MISFORTUNES) losses.push(await measure(engine, misfortune));
  return losses;
}

async function measure(engine: 'native' | 'sdk', { fault, scenario, prepare, env }: Misfortune): Promise<Loss> {
  const server = await startWandbServer();
  const folder = mkdtempSync(path.join(tmpdir(), 'runcast-losses-'));
  const settings = {
    HOME: folder,
    RUNCAST__DIR: folder,
    RUNCAST__RUN_ID: scenario,
    WANDB__ENABLED: 'true',
    WANDB__PROJECT: PROJECT,
    WANDB_BASE_URL: server.url,
    WANDB_API_KEY: server.apiKey,
  };
  try {
    prepare(server);
    const { code, output } = await run(TRAINER, [], { ...settings, ...env, WANDB__ENGINE: engine });
    const landed = rowsOn(server, PROJECT, scenario);
    const state = server.run(PROJECT, scenario)?.state ?? 'none';
    await run(COMMAND, ['sync', path.join(folder, scenario), '--to', 'wandb'], {
      ...settings,
      WANDB__ENGINE: 'native',
    });
    return {
      fault,
      logged: ROWS,
      landed,
      synced: rowsOn(server, PROJECT, scenario),
      state,
      exitCode: code,
      warnings: output.split('\n').filter((line) => /RuncastWarning: wandb(?!: the run is at)/u.test(line)),
    };
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['--conditions=runcast-source', file, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
