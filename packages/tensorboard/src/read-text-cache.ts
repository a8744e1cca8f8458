/**
 * Tags as strings. A file repeats a few tags millions of times, and making a string of bytes costs more than all else in an
 * event, so those seen before are found by their bytes.
 */

/** Enough for the tags of a run; a file of nothing but new ones begins again. */
const MAX_TEXTS = 4096;
/** Longer ones are not kept, so that the cache stays small whatever a file holds. */
const MAX_LENGTH = 512;

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class TextCache {
  /** By hash. Of two with the same hash the later one stays. */
  readonly #texts = new Map<number, { readonly bytes: Uint8Array; readonly text: string }>();

  /** The text that lies from `start` up to `end`; undefined where it is not UTF-8. */
  get(bytes: Buffer, view: DataView, start: number, end: number): string | undefined {
    const hash = hashOf(view, start, end);
    const known = this.#texts.get(hash);
    if (known !== undefined && isSame(known.bytes, view, start, end)) return known.text;
    const text = decodeUtf8(bytes.subarray(start, end));
    if (text === undefined || end - start > MAX_LENGTH) return text;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(hash, { bytes: new Uint8Array(bytes.subarray(start, end)), text });
    return text;
  }
}

/** The text; undefined where it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  return hash;
}

function isSame(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] !== view.getUint8(start + index)) return false;
  return true;
}
