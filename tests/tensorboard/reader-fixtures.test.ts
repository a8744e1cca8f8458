// Files of other writers, value by value: what @runcast/tensorboard reads in them is what the writers' own protobuf library
// reads. scripts/make-event-fixtures.py made both.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readEvents, type HistogramBucket, type TensorboardEvent } from '@runcast/tensorboard';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');

const scalar = z.union([z.number(), z.enum(['nan', 'inf', '-inf'])]);
const valueSchema = z.object({
  tag: z.string(),
  plugin: z.string(),
  description: z.string(),
  form: z.string(),
  simple_value: scalar.optional(),
  tensor: z.object({ shape: z.array(z.number()), values: z.array(z.union([scalar, z.string()])) }).optional(),
  image: z.object({ width: z.number(), height: z.number(), file: z.string() }).optional(),
  histo: z
    .object({ min: z.number(), max: z.number(), limits: z.array(z.number()), counts: z.array(z.number()) })
    .optional(),
  hparams: z.record(z.string(), z.unknown()).optional(),
});
type ExpectedValue = z.infer<typeof valueSchema>;

const eventSchema = z.object({
  run: z.string(),
  step: z.string(),
  wall_time: z.number(),
  form: z.string(),
  values: z.array(valueSchema),
});

/** What both sides come to, for comparison. */
interface Row {
  readonly run: string;
  readonly step: bigint;
  readonly wallTime: number;
  readonly kind: string;
  readonly tag: string;
  readonly value: unknown;
}

function expectedRows(name: string): readonly Row[] {
  const lines = readFileSync(path.join(FIXTURES, `${name}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const plugins = new Map<string, string>();
  return lines.flatMap((line): readonly Row[] => {
    const event = eventSchema.parse(JSON.parse(line));
    const head = { run: event.run, step: BigInt(event.step), wallTime: event.wall_time };
    switch (event.form) {
      case 'none':
        return [];
      case 'summary':
        return event.values.map((value) => {
          // Later values leave the metadata out.
          const plugin = plugins.get(`${event.run}\n${value.tag}`) ?? value.plugin;
          plugins.set(`${event.run}\n${value.tag}`, plugin);
          return { ...head, tag: value.tag, ...expectedValue(value, plugin) };
        });
      case 'file_version':
      case 'session_log':
        return [{ ...head, tag: '', kind: event.form, value: undefined }];
      default:
        return [{ ...head, tag: '', kind: 'unknown', value: event.form }];
    }
  });
}

function expectedValue(value: ExpectedValue, plugin: string): { readonly kind: string; readonly value: unknown } {
  const { tensor, image, histo, hparams } = value;
  if (value.simple_value !== undefined) return { kind: 'scalar', value: numberOf(value.simple_value) };
  if (image !== undefined) return { kind: 'image', value: [image.width, image.height, [image.file]] };
  if (histo !== undefined) {
    const last = histo.counts.findLastIndex((count) => count !== 0);
    const filled = histo.counts.map((count, index) => [index === last ? histo.max : histo.limits[index], count]);
    return { kind: 'histogram', value: filled.filter(([, count]) => count !== 0) };
  }
  if (hparams !== undefined) return { kind: 'hparams', value: hparams };
  if (tensor === undefined) return { kind: 'unknown', value: value.form };
  const cells = tensor.values.map((cell) => (plugin === 'text' || plugin === 'images' ? cell : numberOf(cell)));
  switch (plugin) {
    case 'scalars':
    case 'mine':
      return { kind: 'scalar', value: cells[0] };
    case 'histograms':
      return { kind: 'histogram', value: cells };
    case 'text':
      return { kind: 'text', value: [tensor.shape, cells] };
    case 'images':
      return { kind: 'image', value: [Number(decoded(cells[0])), Number(decoded(cells[1])), cells.slice(2)] };
    default:
      return { kind: 'unknown', value: 'tensor' };
  }
}

function decoded(base64: unknown): string {
  return Buffer.from(String(base64), 'base64').toString('latin1');
}

function numberOf(value: unknown): number {
  const special: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };
  return special[String(value)] ?? Number(value);
}

function row(event: TensorboardEvent, isLegacy: (tag: string) => boolean): Row {
  if (event.kind === 'corrupt') throw new Error(`${event.file}:${event.offset}: ${event.detail}`);
  const head = { run: event.run, step: event.exactStep ?? BigInt(event.step), wallTime: event.wallTime };
  switch (event.kind) {
    case 'scalar':
      return { ...head, kind: 'scalar', tag: event.tag, value: event.value };
    case 'histogram':
      return {
        ...head,
        kind: 'histogram',
        tag: event.tag,
        value: isLegacy(event.tag) ? legacyForm(event.value) : event.value.flat(),
      };
    case 'text':
      return { ...head, kind: 'text', tag: event.tag, value: [event.shape, event.value.map((text) => base64(text))] };
    case 'image':
      return {
        ...head,
        kind: 'image',
        tag: event.tag,
        value: [event.width, event.height, event.value.map((file) => base64(file))],
      };
    case 'hparams_session_start':
    case 'hparams_session_end':
    case 'hparams_experiment':
      return { ...head, kind: 'hparams', tag: event.tag, value: hparamsForm(event) };
    case 'file_version':
    case 'session_log':
      return { ...head, kind: event.kind, tag: '', value: undefined };
    case 'unknown':
      return { ...head, kind: 'unknown', tag: event.tag ?? '', value: event.form };
    default:
      return event satisfies never;
  }
}

async function collected(place: string): Promise<readonly TensorboardEvent[]> {
  const events: TensorboardEvent[] = [];
  for await (const event of readEvents(place)) events.push(event);
  return events;
}

function base64(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64');
}

/** Upper limits of the buckets that hold something; the outermost is the greatest value. */
function legacyForm(buckets: readonly HistogramBucket[]): readonly unknown[] {
  return buckets.filter(([, , count]) => count !== 0).map(([, right, count]) => [right, count]);
}

type HparamsEvent = Extract<TensorboardEvent, { kind: `hparams_${string}` }>;

/** As protobuf's JSON has it: no empty texts and zeros, statuses and types by their names in the schema. */
function hparamsForm(event: HparamsEvent): object {
  switch (event.kind) {
    case 'hparams_session_start': {
      const { hparams, groupName, modelUri, monitorUrl, startTime } = event.value;
      return {
        sessionStartInfo: { hparams, ...present({ groupName, modelUri, monitorUrl, startTimeSecs: startTime }) },
      };
    }
    case 'hparams_session_end': {
      const { status, endTime } = event.value;
      return { sessionEndInfo: { status: `STATUS_${status.toUpperCase()}`, ...present({ endTimeSecs: endTime }) } };
    }
    case 'hparams_experiment': {
      const { name, user, markdown, timeCreated, hparams, metrics } = event.value;
      return {
        experiment: {
          ...present({ name, user, description: markdown, timeCreatedSecs: timeCreated }),
          hparamInfos: hparams.map(({ type, ...info }) => ({
            ...present(info),
            type: `DATA_TYPE_${type.toUpperCase()}`,
          })),
          metricInfos: metrics.map(({ group, tag, ...info }) => ({ name: present({ group, tag }), ...present(info) })),
        },
      };
    }
    default:
      return event satisfies never;
  }
}

function present(fields: Readonly<Record<string, string | number>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== 0));
}

/** Domains are not read. */
function withoutDomains(expected: Row): Row {
  const text = JSON.stringify(expected.value ?? null).replaceAll(/,"domain\w+":\{[^}]*\}/gu, '');
  const value: unknown = JSON.parse(text);
  return expected.kind === 'hparams' ? { ...expected, value } : expected;
}

describe.each(['tensorboardx', 'tensorboard'])('files of %s', (name) => {
  it('hold what their own library reads in them', async () => {
    const events = await collected(path.join(FIXTURES, name));
    const expected = expectedRows(name).map((found) => withoutDomains(found));
    const legacy = new Set(name === 'tensorboardx' ? ['weights', 'bins', 'constant'] : []);
    const rows = events.map((event) => row(event, (tag) => legacy.has(tag)));
    expect(rows.length).toBe(expected.length);
    expect(rows).toEqual(expected);
  });
});

it('gives a legacy histogram the edges of its data', async () => {
  const events = await collected(path.join(FIXTURES, 'tensorboardx'));
  const byTag = new Map(
    events.flatMap((event) => (event.kind === 'histogram' ? [[event.tag, event.value] as const] : [])),
  );
  expect(byTag.get('bins')).toEqual([
    [0, 1, 1],
    [1, 4, 0],
    [4, 6, 1],
    [6, 10, 1],
  ]);
  expect(byTag.get('constant')).toEqual([[1, 1, 10]]);
  const weights = byTag.get('weights') ?? [];
  expect([weights.at(0)?.[0], weights.at(-1)?.[1]]).toEqual([-1, 2.5]);
  expect(weights.every(([left, right]) => left <= right)).toBe(true);
});

it('says what a session log and a described scalar are', async () => {
  const events = await collected(path.join(FIXTURES, 'tensorboardx'));
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'session_log', run: 'resumed', step: 5, value: 'start' }),
  );
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'scalar', tag: 'described', description: 'What *it* is' }),
  );
  expect(events).toContainEqual(expect.objectContaining({ tag: 'far', step: 2 ** 53, exactStep: 2n ** 53n + 1n }));
});
