import { barChartRecord, histogramRecord, imageRecord, PIXEL_PNG, tableRecord, textRecord } from '@runcast/testing';
import { describe, expect, it } from 'vitest';
import { barChartPanel, histogramValue, mediaFile } from './media.ts';

const BOTH = { images: 'both' } as const;

describe('a file of media', () => {
  it('of a table has its cells, and a name of key, number and digest', () => {
    expect(mediaFile(tableRecord({ step: 3 }), BOTH)).toEqual({
      key: 'eval/comparison',
      path: 'media/table/eval/comparison_3_b6d08ed038b38427a055.table.json',
      reference: {
        _type: 'table-file',
        path: 'media/table/eval/comparison_3_b6d08ed038b38427a055.table.json',
        sha256: 'b6d08ed038b38427a055e2060a64a63e8f088610395bbdaf83cdaf7472cf9c05',
        size: 69,
        ncols: 2,
        nrows: 2,
        log_mode: 'IMMUTABLE',
      },
      bytes: { kind: 'text', text: '{"columns":["model","nrmse"],"data":[["baseline",0.12],["ttc",0.09]]}' },
    });
  });

  it('of a bar chart is the table that its panel asks for', () => {
    const file = mediaFile(barChartRecord({ seq: 7 }), BOTH);
    expect(file).toMatchObject({
      key: 'physics/violations_table',
      bytes: { text: '{"columns":["label","value"],"data":[["mass",3],["energy",1]]}' },
    });
    expect(JSON.stringify(barChartPanel('physics/violations'))).toContain(
      '{"name":"tableKey","value":"physics/violations_table"}',
    );
  });

  it('of an image is the image', () => {
    const record = imageRecord({ caption: 'a pixel' });
    expect(mediaFile(record, BOTH)).toMatchObject({
      reference: {
        _type: 'image-file',
        format: 'png',
        width: 1,
        height: 1,
        size: PIXEL_PNG.length,
        caption: 'a pixel',
      },
      bytes: { kind: 'blob', blob: record.blob },
    });
  });

  it('of an SVG image is a page that holds it', () => {
    const { width: _, height: __, ...record } = imageRecord({ format: 'svg' });
    const path = `media/html/eval/heatmap_0_${record.sha256.slice(0, 20)}.html`;
    expect(mediaFile(record, BOTH)).toMatchObject({ path, reference: { _type: 'html-file', path } });
  });

  it('is there for the images that are wanted', () => {
    expect(mediaFile(imageRecord({ format: 'svg' }), { images: 'png' })).toBeUndefined();
    expect(mediaFile(imageRecord(), { images: 'svg' })).toBeUndefined();
    const maxImageSize = { width: 800, height: 600 };
    expect(mediaFile(imageRecord({ width: 800, height: 600 }), { ...BOTH, maxImageSize })).toBeTypeOf('object');
    expect(mediaFile(imageRecord({ width: 800, height: 601 }), { ...BOTH, maxImageSize })).toBe(
      'the image has 800x601 pixels; WANDB__MAX_IMAGE_SIZE is 800x600',
    );
    const { width: _, height: __, ...unmeasured } = imageRecord();
    expect(mediaFile(unmeasured, { ...BOTH, maxImageSize })).toBeTypeOf('object');
  });

  it('of text shows it as it is', () => {
    expect(mediaFile(textRecord({ text: '<b> & more' }), BOTH)).toMatchObject({
      bytes: {
        text: '<!doctype html><meta charset="utf-8"><pre style="white-space:pre-wrap">&lt;b&gt; &amp; more</pre>\n',
      },
    });
  });

  it.each([
    ['../../etc', 'media/html/_../_../etc_0_'],
    ['a//b', 'media/html/a/_/b_0_'],
    ['größe: "x"', 'media/html/größe_ _x__0_'],
    ['x'.repeat(300), `media/html/${'x'.repeat(128)}_0_`],
  ])('has a path that no file system takes amiss: %s', (key, path) => {
    const file = mediaFile(textRecord({ key }), BOTH);
    expect(typeof file === 'object' ? file.path : '').toContain(path);
  });
});

describe('a histogram', () => {
  it('is shown as it was counted', () => {
    expect(histogramValue(histogramRecord())).toEqual({ _type: 'histogram', bins: [-1, 0, 1], values: [3, 5] });
  });

  it('of nothing finite is one empty bin', () => {
    expect(histogramValue({ edges: [], counts: [] })).toEqual({ _type: 'histogram', bins: [0, 1], values: [0] });
  });

  it('has at most 512 bins, and every count in one', () => {
    const counts = Array.from({ length: 1000 }, (_, index) => index);
    const edges = Array.from({ length: 1001 }, (_, index) => index);
    const pairs = Array.from({ length: 500 }, (_, bin) => 4 * bin + 1);
    expect(histogramValue({ edges, counts })).toEqual({
      _type: 'histogram',
      bins: edges.filter((edge) => edge % 2 === 0),
      values: pairs,
    });
  });
});
