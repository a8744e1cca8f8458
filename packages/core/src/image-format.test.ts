import * as fc from 'fast-check';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readImageHeader } from './image-format.ts';

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  new DataView(bytes.buffer).setUint32(0, data.length);
  bytes.set(text(type), 4);
  bytes.set(data, 8);
  return bytes;
}

/** A grey PNG, whole but for its checksums. */
function png(width: number, height: number): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  view.setUint8(8, 8);
  const pixels = deflateSync(new Uint8Array((width + 1) * height));
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', new Uint8Array()),
  ]);
}

function gif(version: string, width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(13);
  bytes.set(text(version));
  const view = new DataView(bytes.buffer);
  view.setUint16(6, width, true);
  view.setUint16(8, height, true);
  return bytes;
}

describe('pictures of pixels', () => {
  it('are known by their first bytes, with their size where it stands there', () => {
    expect(readImageHeader(png(3, 2))).toEqual({ format: 'png', width: 3, height: 2 });
    expect(readImageHeader(gif('GIF89a', 300, 2))).toEqual({ format: 'gif', width: 300, height: 2 });
    expect(readImageHeader(gif('GIF87a', 1, 1))).toEqual({ format: 'gif', width: 1, height: 1 });
    expect(readImageHeader(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0))).toEqual({ format: 'jpeg' });
    expect(readImageHeader(text('RIFF\0\0\0\0WEBPVP8 '))).toEqual({ format: 'webp' });
  });

  it('may lie anywhere in a buffer', () => {
    const picture = png(3, 2);
    const bytes = new Uint8Array(picture.length + 7);
    bytes.set(picture, 7);
    expect(readImageHeader(bytes.subarray(7))).toEqual({ format: 'png', width: 3, height: 2 });
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['a PNG without width', png(0, 2)],
    ['a PNG without height', png(2, 0)],
    ['a PNG cut off in its header', png(2, 2).subarray(0, 20)],
    ['a GIF cut off in its header', gif('GIF89a', 1, 1).subarray(0, 8)],
    ['a GIF without a pixel', gif('GIF89a', 0, 0)],
    ['a GIF of another version', gif('GIF90a', 1, 1)],
    ['another RIFF file', text('RIFF\0\0\0\0WAVEfmt ')],
    ['text', text('hello')],
  ])('are not %s', (_, bytes) => {
    expect(readImageHeader(bytes)).toBeUndefined();
  });
});

describe('SVG documents', () => {
  it.each([
    '<svg/>',
    '<svg>',
    '\ufeff \n<svg xmlns="http://www.w3.org/2000/svg">',
    '<svg:svg xmlns:svg="http://www.w3.org/2000/svg">',
    '<?xml version="1.0"?>\n<!-- made by hand --><!-- twice -->\n<svg viewBox="0 0 1 1">',
    '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg>',
    '<!DOCTYPE svg [ <!ENTITY ns "http://example.org/"> <!ENTITY b "c"> ]>\n<svg>',
    `<!-- ${'licence '.repeat(4000)} --><svg>`,
  ])('are known by their root: %s', (document) => {
    expect(readImageHeader(text(document))).toEqual({ format: 'svg' });
  });

  it.each(['<html><svg/></html>', '<svgs>', 'svg', '<!-- <svg> -->', '<!-- <svg>', '<?xml?>', '<!DOCTYPE svg [<svg>'])(
    'are not %s',
    (document) => {
      expect(readImageHeader(text(document))).toBeUndefined();
    },
  );

  it('are looked for in time that grows with their length', () => {
    const comments = text('<!---->'.repeat(9000));
    const start = performance.now();
    expect(readImageHeader(comments)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

it('never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(() => readImageHeader(bytes)).not.toThrow();
    }),
  );
});
