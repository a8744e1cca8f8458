/** From a row of `runs` to a run. */

import { gitIn, numberIn, objectIn, primitivesIn, textIn, textsIn } from './row-values.ts';
import { STORED_STATUSES } from './run-field.ts';
import { HEARTBEAT_LIMIT_SECS } from './run-state.ts';
import type { Row } from './statement.ts';
import type { StoredRun } from './store.ts';

export function storedRun(row: Row, nowSecs: number): StoredRun {
  const number = (column: string): number => Number(row[column]);
  const heartbeatAt = number('heartbeat_at');
  return {
    id: String(row['run_id']),
    project: textIn(row, 'project'),
    name: textIn(row, 'name'),
    entity: textIn(row, 'entity'),
    group: textIn(row, 'run_group'),
    jobType: textIn(row, 'job_type'),
    notes: textIn(row, 'notes'),
    status: currentStatus(row['status'], nowSecs - heartbeatAt),
    startedAt: number('started_at'),
    endedAt: numberIn(row, 'ended_at'),
    heartbeatAt,
    durationSecs: number('duration_secs'),
    totalSteps: number('total_steps'),
    host: textIn(row, 'host'),
    argv: textsIn(row, 'argv'),
    git: gitIn(row),
    tags: textsIn(row, 'tags'),
    config: objectIn(row, 'config'),
    summary: primitivesIn(row, 'summary'),
  };
}

function currentStatus(stored: unknown, silentSecs: number): StoredRun['status'] {
  if (stored === 'running' && silentSecs > HEARTBEAT_LIMIT_SECS) return 'crashed';
  return STORED_STATUSES.find((known) => known === stored) ?? 'unknown';
}
