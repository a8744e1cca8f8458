/** A byte of many; zero, which is in no text, beyond their end. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
