/** What relays say, for people. */

import { serverAddress } from '@runcast/redis/spec';
import type { GroupStatus, RelayEvent, RelayStatus } from '@runcast/relay';
import { deliveryEventText } from './delivery-event-text.ts';
import { formatCount, formatRecords } from './quantities.ts';

/** Two lines: the stream, and who reads it. */
export function groupText({ stream, group, entries, lag, position, reader }: GroupStatus, url: string): string {
  const behind = position === null ? 'has never been read by this group' : `${shown(lag)} to be read after ${position}`;
  const what = `${stream} on ${serverAddress(url)} has ${formatCount(entries)} entries, ${behind}`;
  const who = reader === null ? 'no relay reads it now' : `read by ${reader.relay}: ${statusText(reader)}`;
  return `${what}\ngroup ${group}: ${who}`;
}

/** `12,345 entries (4,100/s), 0 to be read; jsonl is owed 12 records`. */
export function statusText(status: RelayStatus): string {
  const { entries, entries_per_second: rate, lag, dead_letters: dead, missed, backlog } = status;
  const owed = backlog.filter(({ records }) => records > 0);
  return [
    `${formatCount(entries)} entries (${formatCount(rate)}/s), ${shown(lag)} to be read`,
    ...owed.map(({ sink, records }) => `${sink} is owed ${formatRecords(records)}`),
    ...(dead === 0 ? [] : [`${formatCount(dead)} set aside`]),
    ...(missed === 0 ? [] : [`${formatCount(missed)} trimmed unread`]),
  ].join('; ');
}

function shown(lag: number | null): string {
  return lag === null ? 'an unknown number' : formatCount(lag);
}

/** What a relay has to say, in a line; undefined for what is not worth one. */
export function relayEventText(
  event: Exclude<RelayEvent, { type: 'status' }>,
  stream: string,
  group: string,
): string | undefined {
  switch (event.type) {
    case 'standby':
      return `another relay of ${group} reads ${stream}; waiting to take over`;
    case 'active':
      return `reading ${stream} for ${group} after ${event.position} (token ${event.token})`;
    case 'ended':
      return `not reading any more: ${event.reason}`;
    case 'trouble':
      return `${event.message}; trying again`;
    case 'deadLetter':
      return `entry ${event.id} ${event.reason}; set aside in dead-letters.jsonl`;
    case 'missed':
      return `${formatCount(event.entries)} entries were trimmed from ${stream} before they could be read; raise REDIS__MAX_LEN`;
    case 'delivery': {
      const text = deliveryEventText(event.event);
      return text === undefined ? undefined : `${event.run}: ${text}`;
    }
    default:
      return event satisfies never;
  }
}
