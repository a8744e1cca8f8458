/** The memory of this process at its peak, as Linux has counted it. */

import { readFileSync } from 'node:fs';

/** In units of a million bytes, from Linux, which says kB and means 1,024 bytes. */
export function peakResidentMegabytes(): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}
