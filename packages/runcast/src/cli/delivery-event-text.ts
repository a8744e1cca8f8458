/** What delivery has to say while it works, in a line. */

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
    default:
      return event satisfies never;
  }
}
