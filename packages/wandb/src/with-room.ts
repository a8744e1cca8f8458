/** A buffer with room for `more` bytes behind its first `used`: the same one, or a larger one that begins with them. */
export function withRoom(bytes: Buffer, used: number, more: number): Buffer {
  const needed = used + more;
  if (needed <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
  bytes.copy(larger, 0, 0, used);
  return larger;
}
