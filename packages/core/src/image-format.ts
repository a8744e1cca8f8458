/**
 * Which image a byte string is, by its leading bytes: enough to refuse what is no image before it reaches a backend, and to
 * give the pixel size to those that want it.
 */

import type { ImageFormat } from './record.ts';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels, where the format has them at a fixed place (PNG, GIF). */
  readonly width?: number;
  readonly height?: number;
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff] as const;

/** An SVG's root element comes within this many bytes: drawing programs put licences and entities before it. */
const MAX_SVG_PROLOGUE_BYTES = 65_536;
/** What may stand before the root element of an XML document, a declaration, comment or document type at a time. */
const SVG_PROLOGUE = /<\?[\s\S]*?\?>\s*|<!--[\s\S]*?-->\s*|<!DOCTYPE[^>[]*(?:\[[^\]]*\]\s*)?>\s*/uy;
const SVG_ROOT = /<(?:[\w.-]+:)?svg[\s/>]/uy;

/** The header of a PNG, JPEG, GIF, WebP or SVG image; undefined for anything else and for images without a pixel. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(bytes, PNG_SIGNATURE)) {
    return bytes.length >= 24 ? sized('png', view.getUint32(16), view.getUint32(20)) : undefined;
  }
  if (startsWith(bytes, JPEG_SIGNATURE)) return { format: 'jpeg' };
  if (/^GIF8[79]a$/u.test(ascii(bytes, 0, 6))) {
    return bytes.length >= 10 ? sized('gif', view.getUint16(6, true), view.getUint16(8, true)) : undefined;
  }
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return { format: 'webp' };
  return isSvg(bytes) ? { format: 'svg' } : undefined;
}

function isSvg(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_SVG_PROLOGUE_BYTES)).trimStart();
  // One piece at a time: a single expression for the whole prologue takes exponential time on many comments.
  let at = 0;
  for (;;) {
    SVG_PROLOGUE.lastIndex = at;
    if (!SVG_PROLOGUE.test(text)) break;
    at = SVG_PROLOGUE.lastIndex;
  }
  SVG_ROOT.lastIndex = at;
  return SVG_ROOT.test(text);
}

function sized(format: ImageFormat, width: number, height: number): ImageHeader | undefined {
  return width > 0 && height > 0 ? { format, width, height } : undefined;
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
