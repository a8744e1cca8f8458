/** What delivery has to say while it works, in a line. */

import type { SinkNotice } from '@runcast/core';
import type { DeliveryEvent } from '@runcast/delivery';
import { formatDuration } from './quantities.ts';

/** Code of PositionLostError. */
const POSITION_LOST = 'RUNCAST_POSITION_LOST';

/** Undefined for what the result says as well, and for all but the first of a row of attempts. */
export function deliveryEventText(event: DeliveryEvent): string | undefined {
  switch (event.type) {
    case 'sinkError': {
      if (event.terminal) return undefined;
      const again = event.error.code === POSITION_LOST ? '; what it lacks is sent again' : '';
      return `${event.sink}: ${event.error.message}${again}`;
    }
    case 'retry':
      return event.attempt === 1 ? `${event.sink}: trying again in ${formatDuration(event.delayMs / 1000)}` : undefined;
    case 'recovered':
      return `${event.sink}: works again after ${event.attempts} failed attempts`;
    case 'sinkNotice':
      return noticeText(event.sink, event.notice);
    default:
      return event satisfies never;
  }
}

/** Where nobody trains there is nothing to stop. */
function noticeText(sink: string, notice: SinkNotice): string | undefined {
  switch (notice.type) {
    case 'runUrl':
      return `${sink}: the run is at ${notice.url}`;
    case 'notice':
      return `${sink}: ${notice.message}`;
    case 'stopRequested':
      return undefined;
    default:
      return notice satisfies never;
  }
}
