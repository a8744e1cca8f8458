/**
 * Values that are more than numbers, as W&B's own client writes them: a small object in the history row that names a file by its
 * digest, and the file. Both come from the record alone, so that row and file can travel apart and be sent again.
 */

import { createHash } from 'node:crypto';
import type {
  BarChartRecord,
  HistogramRecord,
  ImageRecord,
  JsonObject,
  JsonValue,
  Scalar,
  TableRecord,
  TextRecord,
} from '@runcast/core';
import type { ImageSize, WandbImageChoice } from './config.ts';

/** Kinds of records that become a file with a reference to it. */
export type MediaRecord = TableRecord | BarChartRecord | ImageRecord | TextRecord;

/** Where the bytes of a file are. */
type MediaBytes =
  | { readonly kind: 'text'; readonly text: string }
  /** Path below the run directory. */
  | { readonly kind: 'blob'; readonly blob: string };

export interface MediaFile {
  /** The key of the row under which the reference stands. */
  readonly key: string;
  readonly reference: JsonObject;
  /** Path among the run's files. */
  readonly path: string;
  readonly bytes: MediaBytes;
}

export interface MediaOptions {
  readonly images: WandbImageChoice;
  readonly maxImageSize?: ImageSize | undefined;
}

/** W&B's histograms have at most 512 bins. */
const MAX_BINS = 512;
const NAME_DIGEST_LENGTH = 20;
/** Longest key as part of a file name; file systems end names at 255 bytes. */
const MAX_NAME_KEY_LENGTH = 128;

/** The record's file; undefined for an image of a kind that is not wanted, and text that says why it can never be shown. */
export function mediaFile(record: MediaRecord, options: MediaOptions): MediaFile | string | undefined {
  switch (record.kind) {
    case 'table':
      return tableFile(record, record.key, record.columns, record.rows);
    case 'bar_chart': {
      const rows = Object.entries(record.bars).map(([label, value]): readonly [string, Scalar] => [label, value]);
      return tableFile(record, barTableKey(record.key), ['label', 'value'], rows);
    }
    case 'image':
      return imageFile(record, options);
    case 'text':
      return textFile(record);
    default:
      return record satisfies never;
  }
}

/** Under which key W&B's bar chart looks for its table, as `wandb.plot.bar` has it. */
function barTableKey(key: string): string {
  return `${key}_table`;
}

/** What makes a bar chart of a table: `_wandb.value.visualize.<key>` of the configuration, as `wandb.plot.bar` sends it. */
export function barChartPanel(key: string): JsonObject {
  const leaf = (name: string): JsonObject => ({ name, fields: [] });
  const table = { name: 'summaryTable', args: [{ name: 'tableKey', value: barTableKey(key) }], fields: [] };
  const runSets = {
    name: 'runSets',
    args: [{ name: 'runSets', value: '${runSets}' }],
    fields: [leaf('id'), leaf('name'), leaf('_defaultColorIndex'), table],
  };
  return {
    panel_type: 'Vega2',
    panel_config: {
      panelDefId: 'wandb/bar/v0',
      fieldSettings: { label: 'label', value: 'value' },
      stringSettings: { title: key },
      transform: { name: 'tableWithLeafColNames' },
      userQuery: { queryFields: [runSets] },
    },
  };
}

/** The histogram as W&B shows it, in the row itself. */
export function histogramValue({ edges, counts }: Pick<HistogramRecord, 'edges' | 'counts'>): JsonObject {
  // Of no finite value there is no bin, and W&B needs one.
  if (counts.length === 0) return { _type: 'histogram', bins: [0, 1], values: [0] };
  const width = Math.ceil(counts.length / MAX_BINS);
  const bins = edges.filter((_, index) => index % width === 0 || index === edges.length - 1);
  const values = Array.from({ length: bins.length - 1 }, (_, bin) =>
    counts.slice(bin * width, (bin + 1) * width).reduce((sum, count) => sum + count, 0),
  );
  return { _type: 'histogram', bins, values };
}

function tableFile(
  record: MediaRecord,
  key: string,
  columns: readonly string[],
  rows: readonly (readonly JsonValue[])[],
): MediaFile {
  const text = JSON.stringify({ columns, data: rows });
  const { sha256, size } = digestOf(text);
  const path = mediaPath('table', record, key, sha256, 'table.json');
  const shape = { ncols: columns.length, nrows: rows.length, log_mode: 'IMMUTABLE' };
  const reference = { _type: 'table-file', path, sha256, size, ...shape };
  return { key, reference, path, bytes: { kind: 'text', text } };
}

function textFile(record: TextRecord): MediaFile {
  const text = `<!doctype html><meta charset="utf-8"><pre style="white-space:pre-wrap">${escaped(record.text)}</pre>\n`;
  const { sha256, size } = digestOf(text);
  const path = mediaPath('html', record, record.key, sha256, 'html');
  return {
    key: record.key,
    reference: { _type: 'html-file', path, sha256, size },
    path,
    bytes: { kind: 'text', text },
  };
}

function imageFile(record: ImageRecord, { images, maxImageSize }: MediaOptions): MediaFile | string | undefined {
  const { key, format, sha256, bytes: size, blob, width, height, caption } = record;
  const bytes = { kind: 'blob', blob } as const;
  const captioned = caption === undefined ? {} : { caption };
  if (format === 'svg') {
    if (images === 'png') return undefined;
    // W&B shows no SVG as an image; within a page it does.
    const path = mediaPath('html', record, key, sha256, 'html');
    return { key, reference: { _type: 'html-file', path, sha256, size, ...captioned }, path, bytes };
  }
  if (images === 'svg') return undefined;
  if (maxImageSize !== undefined && ((width ?? 0) > maxImageSize.width || (height ?? 0) > maxImageSize.height))
    return `the image has ${width}x${height} pixels; WANDB__MAX_IMAGE_SIZE is ${maxImageSize.width}x${maxImageSize.height}`;
  const path = mediaPath('images', record, key, sha256, format);
  const dimensions = { ...(width === undefined ? {} : { width }), ...(height === undefined ? {} : { height }) };
  const reference = { _type: 'image-file', path, sha256, size, format, ...dimensions, ...captioned };
  return { key, reference, path, bytes };
}

/** As W&B's client names media: the key, a number that tells records apart, and the beginning of the digest. */
function mediaPath(folder: string, record: MediaRecord, key: string, sha256: string, extension: string): string {
  const parts = key.split('/').map((part) => pathPart(part));
  const name = parts.join('/').slice(0, MAX_NAME_KEY_LENGTH).toWellFormed();
  return `media/${folder}/${name}_${record.step ?? record.seq}_${sha256.slice(0, NAME_DIGEST_LENGTH)}.${extension}`;
}

/** A part of a path that no file system takes for another directory. */
function pathPart(part: string): string {
  const safe = part.replaceAll(/[^\p{L}\p{N} ._=+-]/gu, '_');
  return /^\.*$/u.test(safe) ? `_${safe}` : safe;
}

function digestOf(text: string): { readonly sha256: string; readonly size: number } {
  return { sha256: createHash('sha256').update(text).digest('hex'), size: Buffer.byteLength(text) };
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
]);

function escaped(text: string): string {
  return text.replaceAll(/[&<>]/gu, (character) => ENTITIES.get(character) ?? character);
}
