/** `runcast relay`: carries what trainers on other machines publish to the sinks that are on here. */

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { readConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { writeJson } from './json-output.ts';
import { UsageError, type ParsedArguments } from './parse-arguments.ts';
import { groupText, relayEventText, statusText } from './relay-text.ts';
import { readRedisSettings, type RedisSettings } from './redis-settings.ts';

const DEFAULT_DIR = './relay';
/** How often a relay says on its own how it is doing. */
const REPORT_INTERVAL_MS = 10_000;

export const relayCommand: Command = {
  name: 'relay',
  usage: '--from redis --group <name> [--dir <directory>] [--status] [--json]',
  summary: 'carry runs from a Redis stream to the sinks that are on here',
  details: `Reads the stream REDIS__STREAM of the server REDIS__URL, keeps each run in a directory of its own below --dir, and
delivers it to every sink that the environment enables but Redis. Any number of relays may run in a group: one reads,
the others wait and take over within five seconds when it is gone. SIGTERM lets it deliver what it has read first.

A relay that takes over in a directory that has not been used reads the stream from its start, so that the files it
makes are complete as far as the stream goes back; backends that are on no machine go on where the last relay was.
Exit codes: 0 everything read is delivered, 1 something is still owed, 2 the command makes no sense.`,
  options: [
    { name: 'from', value: 'redis', meaning: 'where the runs come from' },
    { name: 'group', value: '<name>', meaning: 'relays of one group share the work; each group reads everything' },
    { name: 'dir', value: '<directory>', meaning: `where the runs are kept, for relays only (${DEFAULT_DIR})` },
    { name: 'status', meaning: 'say how the group is doing, and end' },
    { name: 'json', meaning: 'print JSON: with --status one document, otherwise a line a second' },
  ],
  examples: [
    {
      command: 'TENSORBOARD__ENABLED=true runcast relay --from redis --group lab',
      meaning: 'curves of every machine in one TensorBoard',
    },
    { command: 'runcast relay --from redis --group lab --status', meaning: 'who reads, and how far it is behind' },
  ],
  maxPositionals: 0,
  run: relay,
};

async function relay(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  if (args.values('from').at(-1) !== 'redis') throw new UsageError('a relay reads from Redis: --from redis');
  const group = args.values('group').at(-1);
  if (group === undefined || !/^[\w.-]{1,64}$/u.test(group))
    throw new UsageError('--group expects a name of letters, digits, dots, dashes and underscores');
  const settings = readRedisSettings(context.env);
  if (args.has('status')) return showStatus(settings, group, args.has('json'), context);
  const { env, cwd, stdout, stderr, clock } = context;
  const sinks = readConfiguration(env, cwd).sinks.filter(({ name }) => name !== 'redis');
  if (sinks.length === 0) stderr.write('no sink is on: runs are kept, and delivered nowhere\n');
  const { runRelay } = await import('@runcast/relay');
  let reportedMs = clock.nowMs();
  const { owingRuns } = await runRelay({
    ...settings,
    group,
    sinks,
    dir: resolve(cwd, args.values('dir').at(-1) ?? DEFAULT_DIR),
    relay: `${hostname()}-${process.pid}`,
    signal: context.stopSignal(),
    scheduler: clock,
    onEvent: (event) => {
      if (event.type !== 'status') {
        const text = relayEventText(event, settings.stream, group);
        if (text !== undefined) stderr.write(`${text}\n`);
      } else if (args.has('json')) {
        stdout.write(`${JSON.stringify(event.status)}\n`);
      } else if (clock.nowMs() - reportedMs >= REPORT_INTERVAL_MS) {
        reportedMs = clock.nowMs();
        stderr.write(`${statusText(event.status)}\n`);
      }
    },
  });
  if (owingRuns === 0) return 0;
  stderr.write(`${owingRuns} runs are not delivered yet; a relay in the same directory goes on with them\n`);
  return 1;
}

async function showStatus(
  { url, stream }: RedisSettings,
  group: string,
  asJson: boolean,
  { stdout }: CliContext,
): Promise<ExitCode> {
  const [{ withRedis }, { readGroupStatus }] = await Promise.all([import('@runcast/redis'), import('@runcast/relay')]);
  const status = await withRedis(url, (connection) => readGroupStatus(connection, stream, group));
  if (asJson) writeJson(stdout, status);
  else stdout.write(`${groupText(status, url)}\n`);
  return 0;
}
