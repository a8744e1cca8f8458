/**
 * Typed configuration from environment variables: `PREFIX__FIELD`, the fields a zod schema's. Validation, `runcast env` and
 * the README's table have this one source. All problems are found at once, each naming the variable, what it holds and what
 * it expects.
 */

import { z } from 'zod';
import { closestName } from './closest-name.ts';
import type { ConfigProblem } from './errors.ts';
import { isJsonArray, isJsonObject, toJson, type JsonValue } from './json.ts';
import { isSecretName, redactText, REDACTED } from './redact.ts';

/** An environment, as `process.env` is one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What people read about a field. */
export interface FieldDoc {
  /** What it takes, in words: `true or false`, `integer from 1`. */
  readonly type: string;
  readonly meaning: string;
}

/**
 * A prefix and its fields. The schema reads strings, each field with its default, so that an empty environment is valid;
 * field names are in lower case with underscores. It is made when it is needed: schemas are half of what importing would take.
 */
export interface EnvSection<Config extends object> {
  readonly prefix: string;
  readonly schema: () => z.ZodObject & z.ZodType<Config>;
  readonly docs: Readonly<Record<keyof Config & string, FieldDoc>>;
}

/** One variable as `runcast env` shows it; secrets are redacted. */
export interface EnvVariable {
  readonly variable: string;
  readonly type: string;
  readonly default: string;
  readonly value: string | undefined;
  readonly meaning: string;
}

/** Reads `true`, `1`, `yes`, `on` and their opposites, in any case. */
export function flag(byDefault: boolean): z.ZodType<boolean> {
  return z
    .string()
    .toLowerCase()
    .refine((text) => /^(?:true|1|yes|on|false|0|no|off)$/u.test(text), 'expects true or false')
    .transform((text) => /^(?:true|1|yes|on)$/u.test(text))
    .default(byDefault);
}

/** Reads an integer between `least` and `most`. */
export function integer(byDefault: number, least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `an integer from ${least}` : `an integer from ${least} to ${most}`;
  return z
    .string()
    .regex(/^[+-]?\d+$/u, `expects ${range}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `expects ${range}`)
    .default(byDefault);
}

/** Reads a number of seconds, decimals allowed, between `least` and `most`. */
export function seconds(byDefault: number, least: number, most: number): z.ZodType<number> {
  const expected = `expects a number of seconds from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d+(?:\.\d+)?$/u, expected)
    .transform(Number)
    .refine((value) => value >= least && value <= most, expected)
    .default(byDefault);
}

export function text(byDefault: string): z.ZodType<string> {
  return z.string().refine(withoutNul, 'expects text without NUL characters').default(byDefault);
}

export function optionalText(): z.ZodType<string | undefined> {
  return z.string().refine(withoutNul, 'expects text without NUL characters').optional();
}

function withoutNul(value: string): boolean {
  return !value.includes('\0');
}

/** Reads one of `choices`, in any case. */
export function choice<const C extends readonly [string, ...string[]]>(
  choices: C,
  byDefault: NoInfer<C[number]>,
): z.ZodType<C[number]> {
  return z
    .string()
    .toLowerCase()
    .pipe(z.enum(choices, `expects ${choices.join(' or ')}`))
    .default(byDefault);
}

/** What reading a section found. */
export interface EnvReading<Config> {
  /** Frozen; undefined where there are problems. */
  readonly config: Readonly<Config> | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly string[];
}

/** Reads a section. Blank variables count as unset. Never throws. */
export function readSection<Config extends object>(section: EnvSection<Config>, env: Environment): EnvReading<Config> {
  const schema = section.schema();
  const fields = Object.keys(schema.shape);
  const raw = Object.fromEntries(fields.flatMap((field) => present(field, env[variableName(section.prefix, field)])));
  const parsed = schema.safeParse(raw);
  const unknown = unknownFields(section.prefix, fields, env);
  const invalid = (parsed.error?.issues ?? []).map((issue): ConfigProblem => {
    const field = String(issue.path[0]);
    return {
      variable: variableName(section.prefix, field),
      message: `${issue.message}, holds ${shownValue(field, String(raw[field]))}`,
    };
  });
  const problems = [...invalid, ...unknown.problems];
  return {
    config: parsed.success && problems.length === 0 ? Object.freeze(parsed.data) : undefined,
    problems,
    warnings: unknown.warnings,
  };
}

/** The section's variables with their current values, for people. */
export function describeSection<Config extends object>(
  section: EnvSection<Config>,
  env: Environment,
): readonly EnvVariable[] {
  const schema = section.schema();
  const defaults = toJson(schema.parse({}));
  const docs = new Map<string, FieldDoc>(Object.entries(section.docs));
  return Object.keys(schema.shape).map((field) => {
    const variable = variableName(section.prefix, field);
    const value = present(field, env[variable])[0]?.[1];
    const { type, meaning } = docs.get(field) ?? { type: '', meaning: '' };
    return {
      variable,
      type,
      default: defaults.ok && isJsonObject(defaults.value) ? shownDefault(defaults.value[field]) : '',
      value: value === undefined ? undefined : shownValue(field, value),
      meaning,
    };
  });
}

function shownDefault(value: JsonValue | undefined): string {
  if (isJsonArray(value)) return value.map((item) => shownDefault(item)).join(',');
  return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function variableName(prefix: string, field: string): string {
  return `${prefix}__${field.toUpperCase()}`;
}

function present(field: string, value: string | undefined): readonly (readonly [string, string])[] {
  const trimmed = value?.trim() ?? '';
  return trimmed === '' ? [] : [[field, trimmed]];
}

/** A value as it may be shown to people: without secrets, and not at any length. */
export function shownValue(field: string, value: string): string {
  return isSecretName(field) ? REDACTED : JSON.stringify(redactText(value).slice(0, 200));
}

function unknownFields(
  prefix: string,
  fields: readonly string[],
  env: Environment,
): { readonly problems: readonly ConfigProblem[]; readonly warnings: readonly string[] } {
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith(`${prefix}__`) || present('', env[variable]).length === 0) continue;
    const field = variable.slice(prefix.length + 2).toLowerCase();
    if (fields.includes(field)) continue;
    const close = closestName(field, fields);
    if (close === undefined) warnings.push(`${variable} is not a variable of Runcast and is ignored`);
    else problems.push({ variable, message: `is not known; did you mean ${variableName(prefix, close)}?` });
  }
  return { problems, warnings };
}
