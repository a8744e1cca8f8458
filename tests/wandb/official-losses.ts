// What W&B's official client loses of a run, measured on our server for tests: rows that the trainer logged, rows that the server
// has when nothing of the client is left, rows that `wandb sync --no-skip-online` brings from the client's own folder afterwards, and what the
// trainer was told.
import { globSync } from 'node:fs';
import { OfficialClient } from './official-client.ts';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';

export interface Loss {
  readonly fault: string;
  /** Rows whose call had returned. */
  readonly logged: number;
  /** Different rows on the server when the client had ended. */
  readonly landed: number;
  /** Different rows on the server after `wandb sync --no-skip-online`, or `runcast sync`. */
  readonly synced: number;
  /** How the run stood on the server before that. */
  readonly state: string;
  /** The trainer's; null where it was killed. */
  readonly exitCode: number | null;
  /** What the client said that speaks of a failure. */
  readonly warnings: readonly string[];
}

export interface Misfortune {
  readonly fault: string;
  readonly scenario: 'killed' | 'unlucky';
  readonly prepare: (server: WandbServer) => void;
  readonly env: Readonly<Record<string, string>>;
}

/** Of the scenarios. */
const PROJECT = 'official';
/** Rows that both scenarios log, with the losses 0, 1, 2 … */
export const ROWS = 200;

export const MISFORTUNES: readonly Misfortune[] = [
  {
    fault: 'kill -9 two seconds after the last row',
    scenario: 'killed',
    prepare: () => undefined,
    env: { DIE_AFTER_SECONDS: '2' },
  },
  {
    fault: 'one 404 from the file stream',
    scenario: 'unlucky',
    prepare: (server) => server.fault({ action: { kind: 'status', status: 404 } }),
    env: {},
  },
  {
    fault: 'one 500 from the file stream',
    scenario: 'unlucky',
    prepare: (server) => server.fault({ action: { kind: 'status', status: 500 } }),
    env: {},
  },
];

/** Takes some seconds for each; needs the Python environment of the tests. */
export async function measureLosses(): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  for (const misfortune of MISFORTUNES) losses.push(await measure(misfortune));
  return losses;
}

async function measure({ fault, scenario, prepare, env }: Misfortune): Promise<Loss> {
  const server = await startWandbServer();
  const client = new OfficialClient(server);
  try {
    prepare(server);
    // It has ended when its output is closed, which the client's process in the background holds, too.
    const { code, output } = await client.run(scenario, env);
    const landed = rowsOn(server, PROJECT, scenario);
    const state = server.run(PROJECT, scenario)?.state ?? 'none';
    await client.command('sync', '--no-skip-online', ...globSync('wandb/run-*', { cwd: client.folder }));
    return {
      fault,
      logged: ROWS,
      landed,
      synced: rowsOn(server, PROJECT, scenario),
      state,
      exitCode: code,
      warnings: output.split('\n').filter((line) => /^wandb: .*(?:error|fail|lost|retry)/iu.test(line)),
    };
  } finally {
    await server.close();
    client.remove();
  }
}

/** Different rows that the server has of a run. */
export function rowsOn(server: WandbServer, project: string, id: string): number {
  return new Set(server.run(project, id)?.rows.map((row) => row['loss'])).size;
}
