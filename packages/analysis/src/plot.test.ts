import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { curveOf, noisyCurve, replaced } from '../test/planted-curves.ts';
import { averageCurves, type AveragedPoint } from './average.ts';
import type { CurvePoint } from './curve.ts';
import { plotCurves, type PlotPanel } from './plot.ts';

beforeAll(async () => {
  await initWasm(readFileSync(createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm')));
});

/** Width and height, as a renderer understands the document; throws where it does not. */
function drawnSize(svg: string): readonly number[] {
  const image = new Resvg(svg);
  const size = [image.width, image.height];
  image.free();
  return size;
}

function average(...curves: readonly (readonly CurvePoint[])[]): readonly AveragedPoint[] {
  return averageCurves(curves);
}

function panel(label: string, ...groups: readonly (readonly [string, readonly AveragedPoint[]])[]): PlotPanel {
  return { label, groups: groups.map(([name, points]) => ({ label: name, points })) };
}

/** What is written in the figure, in its order. */
function texts(svg: string): readonly string[] {
  return [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/gu)].map(([, content = '']) =>
    content.replaceAll(/<[^>]*>/gu, '^'),
  );
}

/** The paths that are drawn with these attributes. */
function paths(svg: string, attribute: string): readonly string[] {
  return [...svg.matchAll(/<path d="([^"]*)" ([^>]*)\/>/gu)].flatMap(([, path = '', attributes = '']) =>
    attributes.includes(attribute) ? [path] : [],
  );
}

/** Of the curves, not of the legend. */
function lines(svg: string): readonly string[] {
  return paths(svg.slice(0, svg.lastIndexOf('<g transform')), 'stroke-width="1.5"');
}

const falling = average(curveOf(11, (step) => 10 - step));

describe('a figure', () => {
  it('has a title, labels at its axes, ticks and a legend', () => {
    const svg = plotCurves([{ ...panel('train/loss', ['adam', falling], ['sgd', falling]), xLabel: 'epoch' }], {
      title: 'Optimizers',
    });
    const ticks = ['0', '2', '4', '6', '8', '10'];
    const axes = [ticks, ticks, 'epoch', 'train/loss'];
    expect(texts(svg)).toEqual(['Optimizers', axes, 'adam', 'sgd'].flat(2));
    expect(svg).toContain('<title>Optimizers</title>');
    expect(drawnSize(svg)).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it('has a panel for each key, and the same colour for a label in all of them', () => {
    const panels = ['a', 'b', 'c', 'd', 'e'].map((key) =>
      panel(key, ...(key === 'a' ? [] : [['one', falling] as const]), ['two', falling]),
    );
    const colours = [...plotCurves(panels).matchAll(/stroke="(#\w+)" stroke-width="1.5"/gu)].map(
      ([, colour]) => colour,
    );
    // The legend's at the end.
    const [first, second] = ['#D55E00', '#0072B2'];
    expect(colours).toEqual([second, ...Array.from({ length: 4 }, () => [first, second]).flat(), second, first]);
    const widths = [1, 2, 5].map((count) => drawnSize(plotCurves(panels.slice(0, count)))[0]);
    expect(widths).toEqual(widths.toSorted((left, right) => Number(left) - Number(right)));
    expect(plotCurves(panels)).toContain('<title>a, b, c, d, e</title>');
  });

  it('tells more labels than colours apart by dashes', () => {
    const svg = plotCurves([
      panel('loss', ...Array.from({ length: 29 }, (_, index) => [`run ${index}`, falling] as const)),
    ]);
    const strokes = [...svg.matchAll(/stroke="(#\w+)" stroke-width[^/]*/gu)].map(([stroke]) => stroke);
    expect(new Set(strokes).size).toBe(28);
    expect(new Set(texts(svg).filter((text) => text.startsWith('run'))).size).toBe(29);
  });

  it('is the same for the same curves', () => {
    const panels = [
      panel('loss', [
        'a',
        average(
          noisyCurve(50, 1, 1, () => 3),
          noisyCurve(50, 2, 1, () => 3),
        ),
      ]),
    ];
    expect(plotCurves(panels)).toBe(plotCurves(panels));
  });

  it('cuts labels for which there is no room', () => {
    const svg = plotCurves([panel('y'.repeat(300), ['g'.repeat(300), falling])], { title: 't'.repeat(300) });
    expect(texts(svg).filter((text) => text.endsWith('…'))).toHaveLength(3);
  });

  it('is valid whatever its labels hold', () => {
    const label = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(label, label, label, (title, key, group) => {
        const svg = plotCurves([{ ...panel(key, [group, falling]), xLabel: key }], { title });
        expect(drawnSize(svg)[0]).toBeGreaterThan(500);
      }),
    );
    const hostile = '</text><script>"&\' \u0000\u001B\uFFFF\uD800';
    const svg = plotCurves([panel(hostile, [hostile, falling])]);
    expect(texts(svg).at(-1)).toBe('&#60;/text&#62;&#60;script&#62;&#34;&#38;&#39; \uFFFD\uFFFD\uFFFD\uFFFD');
    expect(drawnSize(svg)[0]).toBeGreaterThan(500);
  });

  it('says so where nothing is finite, and is one without panels', () => {
    const svg = plotCurves([panel('loss', ['a', average(curveOf(3, () => NaN))]), panel('none')]);
    expect(texts(svg).filter((text) => text === 'no finite values')).toHaveLength(2);
    expect(drawnSize(svg)[0]).toBeGreaterThan(500);
    expect(drawnSize(plotCurves([]))[0]).toBeGreaterThan(0);
  });
});

describe('a line', () => {
  it('has gaps where values are not finite, and a dot between two gaps', () => {
    const points = average(
      replaced(
        curveOf(9, (step) => step),
        { 2: NaN, 4: Infinity },
      ),
    );
    const [line = ''] = lines(plotCurves([panel('loss', ['a', points])]));
    expect(line.match(/M/gu)).toHaveLength(3);
    expect(line).toMatch(/Z/u);
  });

  it('is thinned to what can be seen, with its extremes', () => {
    const noise = noisyCurve(50_000, 1, 1, () => 0);
    const [line = ''] = lines(plotCurves([panel('loss', ['a', average(replaced(noise, { 30_001: 99 }))])]));
    expect(line.split('L').length).toBeLessThan(4 * 561);
    // The one far above the others is near the upper end of the axes.
    const highest = Math.min(...line.split('L').map((point) => Number(point.split(',')[1])));
    expect(highest).toBeLessThan(20);
  });

  it('of one point or of equal values is drawn as well', () => {
    for (const points of [
      average([{ step: 5, value: 0 }]),
      average(curveOf(5, () => 3)),
      average(curveOf(5, () => 0)),
    ]) {
      const svg = plotCurves([panel('loss', ['a', points])]);
      expect(lines(svg)).toHaveLength(1);
      expect(svg).not.toContain('NaN');
    }
  });
});

describe('a band', () => {
  const bands = (svg: string): readonly string[] => paths(svg, 'fill-opacity');

  it('is there where several curves are, and has a sample in the legend', () => {
    const two = average(
      curveOf(5, () => 1),
      curveOf(3, () => 2),
    );
    const svg = plotCurves([panel('loss', ['two', two], ['one', falling])]);
    expect(bands(svg)).toHaveLength(1);
    expect(svg.match(/<rect [^>]*fill-opacity/gu)).toHaveLength(1);
    expect(bands(plotCurves([panel('loss', ['one', falling])]))).toEqual([]);
  });

  it('is thinned with the line', () => {
    const [band = ''] = bands(
      plotCurves([
        panel('loss', [
          'a',
          average(
            noisyCurve(20_000, 1, 1, () => 0),
            noisyCurve(20_000, 2, 1, () => 0),
          ),
        ]),
      ]),
    );
    expect(band.split('L').length).toBeLessThan(4 * 562);
  });
});

describe('ticks', () => {
  const ticksOf = (values: readonly number[], log = false): readonly string[] => {
    const points = average(values.map((value, step) => ({ step, value })));
    return texts(plotCurves([panel('loss', ['a', points])], { log }))
      .filter((text) => /^[\d−.,kM×^]+$/u.test(text))
      .slice(values.length === 2 ? 2 : 0);
  };

  it.each([
    [
      [0, 1],
      ['0', '0.2', '0.4', '0.6', '0.8', '1.0'],
    ],
    [
      [-2, 3],
      ['−2', '−1', '0', '1', '2', '3'],
    ],
    [
      [0, 3e6],
      ['0', '0.5M', '1M', '1.5M', '2M', '2.5M', '3M'],
    ],
    [
      [-1e-4, 2e-4],
      ['−10^−4^', '−5×10^−5^', '0', '5×10^−5^', '10^−4^', '1.5×10^−4^', '2×10^−4^'],
    ],
  ])('of values from %j are %j', (values, expected) => {
    expect(ticksOf(values)).toEqual(expected);
  });

  it.each([
    [
      [0.1, 100],
      ['0.1', '1', '10', '100'],
    ],
    [
      [1e-4, 1],
      ['10^−4^', '10^−3^', '10^−2^', '10^−1^', '10^0^'],
    ],
    [
      [0.3, 3],
      ['0.5', '1', '2'],
    ],
    [
      [200, 3000],
      ['2×10^2^', '5×10^2^', '10^3^', '2×10^3^'],
    ],
  ])('of logarithms from %j are %j', (values, expected) => {
    expect(ticksOf(values, true)).toEqual(expected);
  });

  it('of steps are whole ones', () => {
    const points = average([
      { step: 0, value: 1 },
      { step: 2, value: 1.5 },
    ]);
    expect(texts(plotCurves([panel('loss', ['a', points])])).slice(0, 3)).toEqual(['0', '1', '2']);
    const long = average([
      { step: 0, value: 1 },
      { step: 2_000_000, value: 1.5 },
    ]);
    expect(texts(plotCurves([panel('loss', ['a', long])])).slice(0, 3)).toEqual(['0', '0.5M', '1M']);
  });
});

describe('a logarithmic axis', () => {
  it('shows what is positive, and says what it is', () => {
    const svg = plotCurves([panel('loss', ['a', average(curveOf(5, (step) => [1, 10, 0, -4, 5][step] ?? 0))])], {
      log: true,
    });
    expect(lines(svg)[0]?.match(/M/gu)).toHaveLength(2);
    expect(texts(svg)).toContain('loss (log scale)');
    expect(svg).not.toContain('NaN');
  });

  it('ends a band at its foot where that goes down to nothing', () => {
    const svg = plotCurves(
      [
        panel('loss', [
          'a',
          average(
            curveOf(5, () => 1),
            curveOf(5, () => 9),
          ),
        ]),
      ],
      { log: true },
    );
    expect(paths(svg, 'fill-opacity')[0]).toContain(',340');
  });
});
