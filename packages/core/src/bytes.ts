/** Text as bytes, for what is put together or taken apart without being text on the way. */

export const MINUS = 0x2d;
export const POINT = 0x2e;
export const ZERO = 0x30;

/** A byte of many; zero, which is in no text, beyond their end. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
