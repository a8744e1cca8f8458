// What the sink contract expects in event files, and what it finds there: the same for both engines.
import { fromScalar, isScalar, type RunRecord } from '@runcast/core';
import { PIXEL_PNG, type BackendRow } from '@runcast/testing';
import { markdownBars, markdownTable } from '../src/markdown-table.ts';
import { decodeEvents, type DecodedValue } from './decode-events.ts';

/** A value of a tag. Its step depends on what came before, and is tested beside the encoder. */
function row(tag: string, value: string | number): BackendRow {
  return { row: `${tag}: ${value}`, lane: tag };
}

function scalarRows(metrics: Readonly<Record<string, unknown>>): readonly BackendRow[] {
  return Object.entries(metrics).flatMap(([tag, value]) =>
    isScalar(value) ? [row(tag, Math.fround(fromScalar(value)))] : [],
  );
}

/** What a record leaves in the event files, but for the session's start and end. */
export function expectedRows(record: RunRecord): readonly BackendRow[] {
  switch (record.kind) {
    case 'step':
    case 'epoch':
    case 'validation':
    case 'log':
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
      return [row(record.key, markdownBars(record.bars))];
    case 'text':
      return [row(record.key, record.text)];
    case 'histogram':
      return [row(record.key, record.counts.join())];
    case 'image':
      return [row(record.key, Buffer.from(PIXEL_PNG).toString('latin1'))];
    // The session's start and end are written once a run, and configurations with them.
    case 'open':
    case 'config':
    case 'hparams':
    case 'close':
    case 'tags':
    case 'define_metric':
    case 'file':
    case 'artifact':
    case 'alert':
    case 'system':
      return [];
    default:
      record satisfies never;
      return [];
  }
}

/** What event files hold, but for the session's start and end. */
export function heldRows(files: Iterable<Uint8Array>): readonly BackendRow[] {
  return [...files]
    .flatMap((file) => decodeEvents(file))
    .flatMap(({ values }) => values)
    .filter(({ plugin }) => plugin !== 'hparams')
    .map((value) => heldRow(value));
}

function heldRow({ tag, simpleValue, plugin, tensor }: DecodedValue): BackendRow {
  if (simpleValue !== undefined) return row(tag, simpleValue);
  const strings = tensor?.strings ?? [];
  if (plugin === 'images') return row(tag, String(strings[2]));
  if (plugin === 'histograms') return row(tag, (tensor?.doubles ?? []).filter((_, index) => index % 3 === 2).join());
  return row(tag, Buffer.from(String(strings[0]), 'latin1').toString());
}
