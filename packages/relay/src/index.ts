/** From a Redis stream to run directories and sinks, by one of several relays at a time. */

export { runRelay, type RelayOptions, type RelayReport } from './relay.ts';
export type { RelayEvent, RelayStatus } from './relay-event.ts';
export { readGroupStatus, type GroupStatus } from './relay-status.ts';
export type { SinkBacklog } from './run-deliveries.ts';
