/** What a group of relays keeps in Redis beside the stream it reads, each key in the stream's slot of a cluster. */

import { keyBeside } from '@runcast/redis';

export interface RelayKeys {
  readonly stream: string;
  readonly group: string;
  /** Which relay reads now: its token and name, for as long as it goes on saying so. */
  readonly lock: string;
  /** The last token given out: each holder of the lock has a greater one than those before. */
  readonly token: string;
  /** By `<run>/<sink>`, how far a run has been delivered to backends that are on no one machine. */
  readonly cursors: string;
  /** What the reading relay says of itself. */
  readonly status: string;
}

export function relayKeys(stream: string, group: string): RelayKeys {
  const prefix = keyBeside(stream, `relay:${group}`);
  return {
    stream,
    group,
    lock: `${prefix}:lock`,
    token: `${prefix}:token`,
    cursors: `${prefix}:cursors`,
    status: `${prefix}:status`,
  };
}
