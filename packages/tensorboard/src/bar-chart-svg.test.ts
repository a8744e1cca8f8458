import type { ScalarMap } from '@runcast/core';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { barChartSvg } from './bar-chart-svg.ts';
import { SvgRasteriser } from './svg-rasteriser.ts';

const rasteriser = new SvgRasteriser();
afterAll(() => rasteriser.close());

function texts(svg: string): readonly string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/gu)].map(([, text = '']) => text);
}

/** `[x, width]` of every bar. */
function boxes(svg: string): readonly (readonly number[])[] {
  return [...svg.matchAll(/<rect x="([-\d.]+)" y="\d+" width="([-\d.]+)"/gu)].map(([, x, width]) => [
    Number(x),
    Number(width),
  ]);
}

describe('a bar chart', () => {
  it('has names and values in the order given, and bars as long as their values', () => {
    const svg = barChartSvg('physics/violations', { mass: 4, energy: 1, none: 0 });
    expect(texts(svg)).toEqual(['physics/violations', 'mass', '4', 'energy', '1', 'none', '0']);
    const [mass, energy, none] = boxes(svg);
    expect(mass?.[0]).toBe(energy?.[0]);
    expect(Number(mass?.[1]) / Number(energy?.[1])).toBeCloseTo(4, 1);
    expect(none?.[1]).toBe(0);
  });

  it('has negative values on the other side of zero', () => {
    const [up = [], down = []] = boxes(barChartSvg('t', { up: 2, down: -2 }));
    expect(Number(down[0]) + Number(down[1])).toBeCloseTo(Number(up[0]), 0);
    expect(down[1]).toBe(up[1]);
  });

  it('has no bar for what is no number, but says so', () => {
    const svg = barChartSvg('t', { a: 'NaN', b: 'Infinity', c: '-Infinity' });
    expect(texts(svg)).toEqual(['t', 'a', 'NaN', 'b', 'Infinity', 'c', '-Infinity']);
    expect(boxes(svg).map(([, width]) => width)).toEqual([0, 0, 0]);
  });

  it('has no length where there is nothing but zeros, or nothing at all', () => {
    expect(boxes(barChartSvg('t', { a: 0, b: -0 })).map(([, width]) => width)).toEqual([0, 0]);
    expect(texts(barChartSvg('t', {}))).toEqual(['t']);
  });

  it('rounds values to five digits', () => {
    expect(texts(barChartSvg('t', { a: 12.3456789, b: 1e-9, c: 123_456_789 })).slice(1)).toEqual([
      'a',
      '12.346',
      'b',
      '1e-9',
      'c',
      '123460000',
    ]);
  });

  it('shows as many bars as can be read, and says how many there are more', () => {
    const bars = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`class ${index}`, index]));
    const svg = barChartSvg('t', bars);
    expect(boxes(svg)).toHaveLength(60);
    expect(texts(svg).at(-1)).toBe('… and 40 more');
  });

  it('cuts long names, by whole characters', () => {
    const [title = '', name = ''] = texts(barChartSvg('🎉'.repeat(100), { ['🎉'.repeat(100)]: 1 }));
    expect(title).toBe(`${'🎉'.repeat(79)}…`);
    expect(name).toBe(`${'🎉'.repeat(31)}…`);
  });

  it('is drawn whatever it is made of, everything within its width', () => {
    const bars = fc.dictionary(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.constantFrom('\0', '\u{1b}', '\ud800', '\uffff', '&<') }),
      ),
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom<'NaN' | '-Infinity'>('NaN', '-Infinity'),
      ),
      { maxKeys: 70, noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), bars, (title, drawn: ScalarMap) => {
        const svg = barChartSvg(title, drawn);
        expect(boxes(svg).every(([x = -1, width = -1]) => x >= 0 && width >= 0 && x + width <= 720)).toBe(true);
        expect(rasteriser.draw(svg)).toBeInstanceOf(Uint8Array);
      }),
      { numRuns: 40 },
    );
  });
});
