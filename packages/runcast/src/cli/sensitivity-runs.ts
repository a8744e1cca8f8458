/** Runs of a store as rows of configuration and outcome. */

import type { ParameterValue, SensitivityRun } from '@runcast/analysis';
import { isJsonObject, type JsonObject, type JsonValue } from '@runcast/core';
import { runFieldValue, type RunField, type StoredRun } from '@runcast/store';

/** Members of nested objects are joined by a dot, as filters name them. An outcome that is no number is NaN. */
export function sensitivityRun(run: StoredRun, outcome: RunField): SensitivityRun {
  const value = runFieldValue(run, outcome);
  return {
    config: Object.fromEntries(parameters(run.config, '')),
    outcome: typeof value === 'number' ? value : Number.NaN,
  };
}

function parameters(config: JsonObject, prefix: string): readonly (readonly [string, ParameterValue])[] {
  return Object.entries(config).flatMap(([name, value]) =>
    isJsonObject(value)
      ? parameters(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, parameterValue(value)] as const],
  );
}

/** Lists and null as their JSON. */
function parameterValue(value: JsonValue): ParameterValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value);
}
