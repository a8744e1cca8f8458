/** Runs of a store as rows of configuration and outcome. */

import type { ParameterValue, SensitivityRun } from '@runcast/analysis';
import type { JsonValue } from '@runcast/core';
import { configValues, runFieldValue, type RunField, type StoredRun } from '@runcast/store';

/** Members of nested objects are joined by a dot, as filters name them. An outcome that is no number is NaN. */
export function sensitivityRun(run: StoredRun, outcome: RunField): SensitivityRun {
  const value = runFieldValue(run, outcome);
  return {
    config: Object.fromEntries(configValues(run.config).map(([name, held]) => [name, parameterValue(held)])),
    outcome: typeof value === 'number' ? value : Number.NaN,
  };
}

/** Lists and null as their JSON. */
function parameterValue(value: JsonValue): ParameterValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
