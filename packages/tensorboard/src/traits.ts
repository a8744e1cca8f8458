/** What TensorBoard can show of a run. */

import type { SinkTraits } from '@runcast/core';

/**
 * Tags, files, artifacts and alerts have no place in TensorBoard. Reopened with its position, the sink truncates its files to
 * where they were and writes the same bytes again.
 */
export const tensorboardTraits: SinkTraits = {
  kinds: [
    'open',
    'step',
    'epoch',
    'validation',
    'final',
    'log',
    'hparams',
    'config',
    'define_metric',
    'summary',
    'table',
    'bar_chart',
    'histogram',
    'image',
    'text',
    'system',
    'close',
  ],
  guarantee: 'exactly-once',
  locality: 'local',
};
