import Pbf from 'pbf';
import { describe, expect, it } from 'vitest';
import { decodeEvents } from '../test/decode-events.ts';
import { frame } from '../test/event-bytes.ts';
import { chartId, chartLayout, chartOf, definedSeries, seriesOf, type Chart } from './series-layout.ts';

/** The parts of a message by field number, strings and messages alike as bytes. */
function fields(message: Uint8Array): readonly (readonly [number, Uint8Array])[] {
  return new Pbf(new Uint8Array(message)).readFields((field, found: [number, Uint8Array][], pbf) => {
    found.push([field, pbf.readBytes()]);
  }, []);
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

/** `[category, chart, expression]` of each chart. */
function chartsIn(layout: Uint8Array): readonly (readonly string[])[] {
  const encoded = decodeEvents(frame(layout))[0]?.values[0]?.tensor?.strings[0] ?? '';
  return fields(Buffer.from(encoded, 'latin1')).flatMap(([, category]) => {
    const [[, title] = [], ...charts] = fields(category);
    return charts.map(([, chart]) => {
      const [[, name] = [], [, multiline] = []] = fields(chart);
      const [[, tag] = []] = fields(multiline ?? new Uint8Array());
      return [text(title), text(name), text(tag)];
    });
  });
}

describe('a layout', () => {
  it('has the charts of a group together, each with what its tags look like', () => {
    const charts = [
      chartOf('training/operator', 'training/operator/loss'),
      chartOf('eval', 'eval/nrmse'),
      chartOf('training/decoder', 'training/decoder/grad/norm'),
      chartOf('a/b/c', 'a/b/c/x'),
      chartOf('/odd', '/odd/x'),
    ];
    expect(chartsIn(chartLayout(charts))).toEqual([
      ['training', 'loss', 'training/[^/]+/loss$'],
      ['training', 'grad/norm', 'training/[^/]+/grad/norm$'],
      ['eval', 'nrmse', 'eval/nrmse$'],
      ['a/b', 'x', 'a/b/[^/]+/x$'],
      ['/odd', 'x', '/odd/x$'],
    ]);
  });

  it('matches names as they are', () => {
    const chart = chartOf('a.b*/x', 'a.b*/x/loss (l^2) [%] {$} a|b? \\ +Größe');
    const [found = []] = chartsIn(chartLayout([chart]));
    expect(new RegExp(`^(?:${found[2]})`, 'u').test('a.b*/y/loss (l^2) [%] {$} a|b? \\ +Größe')).toBe(true);
    expect(new RegExp(`^(?:${found[2]})`, 'u').test('aXb*/y/loss (l^2) [%] {$} a|b? \\ +Größe')).toBe(false);
  });

  it('is well-formed where names are not', () => {
    expect(chartsIn(chartLayout([chartOf('s', 's/\ud800')]))).toEqual([['s', '\ufffd', 's/\ufffd$']]);
  });
});

describe('a chart', () => {
  it('is told from any other', () => {
    const charts: readonly Chart[] = [
      { group: 'a', metric: 'b', staged: true },
      { group: 'a', metric: 'b', staged: false },
      { group: 'a/b', metric: 'c', staged: true },
      { group: 'a', metric: 'b/c', staged: true },
    ];
    expect(new Set(charts.map((chart) => chartId(chart))).size).toBe(charts.length);
  });
});

describe('a defined metric', () => {
  it('says of which series its keys are', () => {
    const defined = [definedSeries('a/x/*', 'a/x/step'), definedSeries('b/only', 'global')].filter(
      (found) => found !== undefined,
    );
    expect(['a/x/loss', 'a/x/step', 'a/xy/loss', 'b/only', 'b/other'].map((key) => seriesOf(key, defined))).toEqual([
      'a/x',
      undefined,
      undefined,
      'b',
      undefined,
    ]);
  });

  it.each([
    ['a/*', undefined],
    ['flat', 'step'],
    ['/*', 'step'],
  ])('says nothing of series: %s by %s', (metric, step) => {
    expect(definedSeries(metric, step)).toBeUndefined();
  });
});
