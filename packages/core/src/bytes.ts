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

/** A buffer with room for `more` bytes behind its first `used`: the same one, or a larger one that begins with them. */
export function withRoom(bytes: Buffer, used: number, more: number): Buffer {
  const needed = used + more;
  if (needed <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
  bytes.copy(larger, 0, 0, used);
  return larger;
}
