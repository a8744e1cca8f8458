// Delivers a run that its process could not, as `runcast sync` does: a host over its directory, closed when all is there.
import { readConfiguration } from 'runcast';
import { openHost } from '@runcast/delivery';
import { runDirectory } from '@runcast/runlog';

const { run, sinks } = readConfiguration(process.env);
const directory = runDirectory(run.dir, run.run_id ?? '');
const host = await openHost({ directory, dir: run.dir, sinks, host: run.host, onEvent: () => undefined });
const settlements = await host.close({ status: 'unknown', final: true }, 10_000);
console.log(JSON.stringify(settlements));
