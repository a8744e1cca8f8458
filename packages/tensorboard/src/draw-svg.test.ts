import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readImageHeader } from '@runcast/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadRenderer, UndrawableError } from './draw-svg.ts';

const { resolve } = createRequire(import.meta.url);
const FONTS = ['dejavu-fonts-ttf/ttf/DejaVuSans.ttf', 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'];

let draw: (svg: string) => Uint8Array;

beforeAll(async () => {
  draw = await loadRenderer({
    wasm: resolve('@resvg/resvg-wasm/index_bg.wasm'),
    fonts: FONTS.map((font) => resolve(font)),
  });
});

function svg(content: string, attributes = 'width="40" height="20"'): string {
  const namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
  return `<svg ${namespaces} ${attributes}>${content}</svg>`;
}

function digest(content: string): string {
  return createHash('sha256')
    .update(draw(svg(content)))
    .digest('hex');
}

describe('a drawing', () => {
  it('is a PNG of the size of the SVG', () => {
    const drawn = draw(svg('<rect width="5" height="5" fill="red"/>'));
    expect(readImageHeader(drawn)).toEqual({ format: 'png', width: 40, height: 20 });
  });

  it('has text in any font, though the machine may have none', () => {
    const empty = digest('');
    const faces = ['', 'font-family="Helvetica"', 'font-family="Nimbus, serif"', 'font-weight="bold"'];
    const drawn = faces.map((face) => digest(`<text y="15" ${face}>loss</text>`));
    expect(drawn).not.toContain(empty);
    expect(new Set(drawn).size).toBe(2);
  });

  it('may link to elsewhere and refer to what is in the SVG', () => {
    const pixel =
      'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
    const content = `<!-- <image href="x.png"/> --><a xlink:href="http://example.org/"><rect id="r" width="5" height="5"/></a>
      <use xlink:href="#r"/><rect style="fill: url(#missing)" width="5" height="5"/><image href="${pixel}" width="5" height="5"/>`;
    expect(readImageHeader(draw(svg(content)))?.format).toBe('png');
  });
});

describe('what is not drawn', () => {
  it.each([
    ['<image href="http://127.0.0.1:9/a.png" width="5" height="5"/>', 'http://127.0.0.1:9/a.png'],
    ['<image xlink:href="file:///etc/hostname" width="5" height="5"/>', 'file:///etc/hostname'],
    ['<image width="5" href = \' a.png\'/>', 'a.png'],
    ['<use href="other.svg#part"/>', 'other.svg#part'],
    ['<rect fill="url(http://127.0.0.1:9/b#c)" width="5" height="5"/>', 'http://127.0.0.1:9/b#c'],
    ['<style>@import "more.css";</style>', 'more.css'],
  ])('refers to what is not in it: %s', (content, target) => {
    expect(() => draw(svg(content))).toThrow(
      new UndrawableError(`the SVG refers to ${JSON.stringify(target)}: what it shows has to be in it, as data: URLs`),
    );
  });

  it.each([
    ['', 'root node'],
    ['<svg', 'root node'],
    [svg('', 'width="0" height="0"'), 'invalid size'],
    [svg('', 'width="-3" height="3"'), 'invalid size'],
    [svg('', 'width="1e300" height="1e300"'), 'invalid size'],
    [svg('<rect'), 'cannot be drawn'],
    [svg(`${'<g>'.repeat(200_000)}${'</g>'.repeat(200_000)}`), 'nodes limit'],
    [svg('', 'width="5000" height="5000"'), 'the SVG is 5000 by 5000 pixels, more than 16777216 in all'],
    [svg('', 'width="1e38" height="1e38"'), 'more than 16777216'],
    [`<!DOCTYPE svg [<!ENTITY a "&b;&b;"><!ENTITY b "&a;&a;">]>${svg('<text>&a;</text>')}`, 'entity reference loop'],
  ])('is no SVG, or too large: %.40s', (text, problem) => {
    expect(() => draw(text)).toThrow(UndrawableError);
    expect(() => draw(text)).toThrow(problem);
  });

  it('leaves the renderer as it was', () => {
    const before = digest('<text y="15">a</text>');
    expect(() => draw('<svg')).toThrow(UndrawableError);
    expect(digest('<text y="15">a</text>')).toBe(before);
  });

  // The last test: the renderer is of no use afterwards.
  it('is told from what breaks the renderer', () => {
    const deep = Array.from({ length: 20_000 }, (_, index) => `<mask id="m${index}" mask="url(#m${index + 1})"/>`).join(
      '',
    );
    const overflowing = svg(`${deep}<rect mask="url(#m0)" width="9" height="9"/>`);
    expect(() => draw(overflowing)).toThrow(RangeError);
    const filter = '<filter id="f" x="0" y="0" width="1e38" height="1e38" filterUnits="userSpaceOnUse">';
    const wide = `${filter}<feOffset dx="1e38"/></filter><rect filter="url(#f)" width="9" height="9"/>`;
    expect(() => draw(svg(wide))).toThrow(expect.objectContaining({ name: 'RuntimeError' }));
  });
});
