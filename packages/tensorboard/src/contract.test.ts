import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fromScalar, isScalar, type RunRecord } from '@runcast/core';
import {
  type BackendRow,
  createFaultFileSystem,
  describeSinkContract,
  type FaultFileSystem,
  PIXEL_PNG,
} from '@runcast/testing';
import { afterAll, describe, it } from 'vitest';
import { decodeEvents, type DecodedValue } from '../test/decode-events.ts';
import { barChartSvg } from './bar-chart-svg.ts';
import { markdownBars, markdownTable } from './markdown-table.ts';
import { createTensorboardSink } from './sink.ts';
import { SvgRasteriser } from './svg-rasteriser.ts';
import { tensorboardTraits } from './traits.ts';

const rasteriser = new SvgRasteriser();
/** Sinks are opened and closed by the dozen; one thread draws for all of them. */
const shared = { draw: (svg: string): Uint8Array | string => rasteriser.draw(svg), close: (): void => undefined };
afterAll(() => rasteriser.close());

function latin1(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('latin1');
}

interface EventDirectory {
  readonly logDir: string;
  readonly runDirectory: string;
  readonly fileSystem: FaultFileSystem;
}

/** A value of a tag. Its step depends on what came before, and is tested beside the encoder. */
function row(tag: string, value: string | number): BackendRow {
  return { row: `${tag}: ${value}`, lane: tag };
}

function scalarRows(metrics: Readonly<Record<string, unknown>>): readonly BackendRow[] {
  return Object.entries(metrics).flatMap(([tag, value]) =>
    isScalar(value) ? [row(tag, Math.fround(fromScalar(value)))] : [],
  );
}

function expectedRows(record: RunRecord): readonly BackendRow[] {
  switch (record.kind) {
    case 'step':
    case 'epoch':
    case 'validation':
    case 'log':
    case 'system':
      return scalarRows(record.metrics);
    case 'final':
      return [
        ...(record.total_steps === undefined ? [] : scalarRows({ 'final/total_steps': record.total_steps })),
        ...scalarRows(record.metrics),
      ];
    case 'summary':
      return scalarRows(record.summary);
    case 'table':
      return [row(record.key, markdownTable(record.columns, record.rows))];
    case 'bar_chart':
      return [
        row(record.key, latin1(rasteriser.draw(barChartSvg(record.key, record.bars)))),
        row(`${record.key}/values`, markdownBars(record.bars)),
      ];
    case 'text':
      return [row(record.key, record.text)];
    case 'histogram':
      return [row(record.key, record.counts.join())];
    case 'image':
      return [row(record.key, latin1(PIXEL_PNG))];
    // The session's start and end are written once a run, and configurations with them; a layout once for many records.
    case 'open':
    case 'config':
    case 'hparams':
    case 'close':
    case 'tags':
    case 'define_metric':
    case 'file':
    case 'artifact':
    case 'alert':
      return [];
    default:
      record satisfies never;
      return [];
  }
}

function heldRow({ tag, simpleValue, plugin, tensor }: DecodedValue): BackendRow {
  if (simpleValue !== undefined) return row(tag, simpleValue);
  const strings = tensor?.strings ?? [];
  if (plugin === 'images') return row(tag, String(strings[2]));
  if (plugin === 'histograms') return row(tag, (tensor?.doubles ?? []).filter((_, index) => index % 3 === 2).join());
  return row(tag, Buffer.from(String(strings[0]), 'latin1').toString());
}

function eventFiles({ logDir }: EventDirectory): ReadonlyMap<string, Uint8Array> {
  const entries = readdirSync(logDir, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.startsWith('events.'),
  );
  const files = entries.map((entry) => path.join(entry.parentPath, entry.name)).toSorted();
  return new Map(files.map((file) => [path.relative(logDir, file), readFileSync(file)]));
}

describeSinkContract<EventDirectory>({
  describe,
  it,
  name: 'tensorboard',
  traits: tensorboardTraits,
  prepare: ({ runDirectory }) => ({
    logDir: path.join(runDirectory, 'tensorboard'),
    runDirectory,
    fileSystem: createFaultFileSystem(),
  }),
  createSink: ({ logDir, fileSystem }) =>
    createTensorboardSink({ logDir, logEveryNSteps: 1 }, { fileSystem, rasteriser: shared }),
  readBack: (directory) =>
    [...eventFiles(directory).values()]
      .flatMap((file) => decodeEvents(file))
      .flatMap(({ values }) => values)
      .filter(({ plugin }) => plugin !== 'hparams' && plugin !== 'custom_scalars')
      .map((value) => heldRow(value)),
  expectedRows: (_, record) => expectedRows(record),
  readFiles: eventFiles,
  failNextWrite: ({ fileSystem }) =>
    fileSystem.inject({ call: 'writeSync', takes: 20 }, { call: 'writeSync', code: 'ENOSPC' }),
  loseBackend: ({ logDir }) => rmSync(logDir, { recursive: true }),
});
