/** What a relay has to say while it works. */

import type { DeliveryEvent } from '@runcast/delivery';
import type { SinkBacklog } from './run-deliveries.ts';

/** What the relay that reads says of itself, once a second; names as they are printed. */
export interface RelayStatus {
  readonly relay: string;
  readonly token: number;
  /** When it took over, in Unix seconds. */
  readonly since: number;
  /** Of the last entry that is durable in its directory. */
  readonly position: string;
  /** Entries of the stream that it has not read. */
  readonly lag: number;
  /** Read since it took over. */
  readonly entries: number;
  /** Over the last seconds. */
  readonly entries_per_second: number;
  /** Of these, written to logs. */
  readonly records: number;
  /** Of these, there already. */
  readonly repeated: number;
  /** Of these, set aside since they are no records. */
  readonly dead_letters: number;
  /** Trimmed from the stream before it could read them. */
  readonly missed: number;
  readonly open_runs: number;
  readonly backlog: readonly SinkBacklog[];
}

export type RelayEvent =
  /** Another relay reads; this one waits. */
  | { readonly type: 'standby' }
  /** This one reads from now on. */
  | { readonly type: 'active'; readonly token: number; readonly position: string }
  /** It does not any more, and why. */
  | { readonly type: 'ended'; readonly reason: string }
  /** Something is wrong and tried again. */
  | { readonly type: 'trouble'; readonly message: string }
  | { readonly type: 'deadLetter'; readonly id: string; readonly reason: string }
  /** So many entries were trimmed from the stream before they could be read. */
  | { readonly type: 'missed'; readonly entries: number }
  | { readonly type: 'status'; readonly status: RelayStatus }
  | { readonly type: 'delivery'; readonly run: string; readonly event: DeliveryEvent };
