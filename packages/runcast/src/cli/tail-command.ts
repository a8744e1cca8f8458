/** `runcast tail`: shows records as they come, wherever the trainers are. */

import { resolve } from 'node:path';
import { errorMessage, RECORD_KINDS, TerminalSinkError, type RunRecord } from '@runcast/core';
import { Bell, keepingAlive } from '@runcast/delivery';
import { readConfiguration } from '../configuration.ts';
import type { CliContext, Command, ExitCode } from './command.ts';
import { findRun } from './find-run.ts';
import { suggestion, UsageError, type ParsedArguments } from './parse-arguments.ts';
import { formatClock, formatMetrics } from './quantities.ts';
import { readRedisSettings } from './redis-settings.ts';
import { styleFor, type Style } from './terminal-style.ts';
import { tailDirectory } from './tail-directory.ts';
import type { TailedRecord, TailSource } from './tail-source.ts';

const DEFAULT_LINES = 10;
const POLL_MS = 100;
const RETRY_MS = 1_000;
/** Of what else a record says, in a line for people. */
const MAX_DETAIL_LENGTH = 120;

export const tailCommand: Command = {
  name: 'tail',
  usage: '[run] [--from dir|redis] [--kind <kind>] [--key <key>]',
  summary: 'show records as they are logged, here or on other machines',
  details: `Shows the last records of <run>, or of every run, and then those that come, until it is stopped. They come from the
logs below RUNCAST__DIR (./runs), or with --from redis from the stream that REDIS__URL and REDIS__STREAM name.`,
  options: [
    { name: 'from', value: 'dir|redis', meaning: 'where the records are (dir)' },
    { name: 'kind', value: '<kind>', meaning: 'only records of this kind; repeat it or use commas' },
    { name: 'key', value: '<key>', meaning: 'only records with such a metric or key; * stands for anything' },
    { name: 'lines', value: '<count>', meaning: `begin with so many of the last (${DEFAULT_LINES})` },
    { name: 'once', meaning: 'show what there is, and end' },
    { name: 'json', meaning: 'print each record as a line of JSON, with its run and writer' },
  ],
  examples: [
    { command: 'runcast tail', meaning: 'what the runs of this directory log' },
    { command: "runcast tail --from redis --kind step --key 'train/*'", meaning: 'steps of every machine' },
    { command: `runcast tail run-1 --json | jq '.metrics["train/loss"]'`, meaning: 'one metric of one run' },
  ],
  maxPositionals: 1,
  run: (args, context) => keepingAlive(tail(args, context)),
};

async function tail(args: ParsedArguments, context: CliContext): Promise<ExitCode> {
  const { stdout, stderr, clock, env } = context;
  const shows = readFilter(args);
  const style = styleFor(stdout, env);
  const text = args.has('json') ? jsonLine : (tailed: TailedRecord): string => textLine(tailed, style);
  const signal = context.stopSignal();
  const bell = new Bell(clock);
  signal.addEventListener('abort', () => bell.ring());
  const source = await openSource(args, context);
  try {
    while (!signal.aborted) {
      let waitMs = POLL_MS;
      try {
        const records = await source.read();
        for (const tailed of records.filter(shows)) stdout.write(`${text(tailed)}\n`);
        if (records.length > 0) continue;
      } catch (error) {
        if (error instanceof TerminalSinkError || args.has('once')) throw error;
        stderr.write(`${errorMessage(error)}; trying again\n`);
        waitMs = RETRY_MS;
      }
      if (args.has('once')) return 0;
      await bell.wait(waitMs);
    }
    return 0;
  } finally {
    source.close();
  }
}

async function openSource(args: ParsedArguments, { env, cwd }: CliContext): Promise<TailSource> {
  const from = args.values('from').at(-1) ?? 'dir';
  const lines = readLines(args.values('lines').at(-1));
  const [run] = args.positionals;
  if (from === 'redis') return (await import('./tail-stream.ts')).tailStream(readRedisSettings(env), lines);
  if (from !== 'dir') throw new UsageError(`--from expects dir or redis${suggestion(from, ['dir', 'redis'])}`);
  const dir = resolve(cwd, readConfiguration(env, cwd).run.dir);
  return tailDirectory(dir, run === undefined ? undefined : findRun(run, dir, cwd), lines);
}

function readLines(text: string | undefined): number {
  const lines = text === undefined ? DEFAULT_LINES : Number(text);
  if (Number.isSafeInteger(lines) && lines >= 1) return lines;
  throw new UsageError(`--lines expects an integer from 1, holds ${JSON.stringify(text)}`);
}

function readFilter(args: ParsedArguments): (tailed: TailedRecord) => boolean {
  const kinds = args.values('kind').flatMap((names) => names.split(','));
  for (const kind of kinds)
    if (!RECORD_KINDS.some((known) => known === kind))
      throw new UsageError(`there is no kind ${JSON.stringify(kind)}${suggestion(kind, RECORD_KINDS)}`);
  const keys = args.values('key').map((key) => keyPattern(key));
  const [run] = args.positionals;
  const fromStream = args.values('from').at(-1) === 'redis';
  return ({ run: of, record }) =>
    (!fromStream || run === undefined || run === of) &&
    (kinds.length === 0 || kinds.includes(record.kind)) &&
    (keys.length === 0 || keysOf(record).some((key) => keys.some((pattern) => pattern.test(key))));
}

function keyPattern(key: string): RegExp {
  const parts = key.split('*').map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/gu, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 'su');
}

/** Names under which a record says something. */
function keysOf(record: RunRecord): readonly string[] {
  const named = 'key' in record ? [record.key] : [];
  const members = ['metrics', 'summary', 'hparams', 'config'].flatMap((member) => {
    const value: unknown = new Map<string, unknown>(Object.entries(record)).get(member);
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  });
  return [...named, ...members];
}

function jsonLine({ run, writer, record }: TailedRecord): string {
  return JSON.stringify({ run, writer, ...record });
}

/** `09:46:21 run-1 step 16  train/loss 0.5  train/perplexity 1.65`. */
function textLine({ run, record }: TailedRecord, style: Style): string {
  const { kind, time } = record;
  const place = 'step' in record ? record.step : 'epoch' in record ? record.epoch : undefined;
  const head = `${style('dim', formatClock(time))} ${run} ${style('bold', kind)}${place === undefined ? '' : ` ${place}`}`;
  return `${head}  ${detailOf(record)}`.trimEnd();
}

function detailOf(record: RunRecord): string {
  if ('metrics' in record) return formatMetrics(record.metrics);
  const { v: _v, seq: _seq, time: _time, kind: _kind, ...rest } = record;
  const text = JSON.stringify(rest);
  return text.length > MAX_DETAIL_LENGTH ? `${text.slice(0, MAX_DETAIL_LENGTH)}…` : text;
}
