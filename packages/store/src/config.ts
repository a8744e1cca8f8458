/** The STORE__ variables, and the same settings as the sink takes them. */

import { resolve } from 'node:path';
import { ConfigError, flag, type EnvSection, type JsonObject } from '@runcast/core';
import { z } from 'zod';

/** The run store as configured by the environment. Frozen. */
export interface StoreConfig {
  readonly enabled: boolean;
  /** Holds the password, where there is one. */
  readonly url: string;
  /** Keys, or beginnings of keys before a `*`. */
  readonly key_metrics: readonly string[];
}

const DEFAULTS = {
  url: 'sqlite:./runs/runcast.db',
  key_metrics: 'train/loss,train/grad_norm,train/learning_rate',
} as const;

const URL_EXPECTED = 'expects sqlite:<file> or postgres://[user:password@]host[:port]/database';

const url = () => z.string().refine(isStoreUrl, URL_EXPECTED);

/** The `STORE__` variables. */
export const storeEnv: EnvSection<StoreConfig> = {
  prefix: 'STORE',
  schema: () =>
    z.object({
      enabled: flag(false),
      url: url().default(DEFAULTS.url),
      key_metrics: z.string().default(DEFAULTS.key_metrics).transform(keysIn),
    }),
  docs: {
    enabled: { type: 'true or false', meaning: 'write runs to a SQL store' },
    url: { type: 'sqlite: or postgres://', meaning: 'the store: a file on this machine, or a PostgreSQL database' },
    key_metrics: {
      type: 'keys, with commas between',
      meaning: 'metrics that the table key_metrics holds as numbers; a * at the end takes all that begin so',
    },
  },
};

export interface StoreSinkOptions {
  /** `sqlite:<file>`, or `postgres://[user:password@]host[:port]/database`; `sqlite:./runs/runcast.db` where left out. */
  readonly url?: string | undefined;
  /** Metrics of the table `key_metrics`: keys, or beginnings of keys before a `*`. Those of STORE__KEY_METRICS where left out. */
  readonly keyMetrics?: readonly string[] | undefined;
}

/** {@link StoreSinkOptions} with their defaults. */
export interface StoreSinkConfig extends JsonObject {
  readonly url: string;
  readonly keyMetrics: readonly string[];
}

const sinkConfigSchema = () =>
  z.strictObject({
    url: url().default(DEFAULTS.url),
    keyMetrics: z.array(z.string().min(1)).default(() => keysIn(DEFAULTS.key_metrics)),
  });

/** Throws {@link ConfigError} with everything that is wrong, and nothing of what the URL holds. */
export function parseSinkConfig(options: JsonObject | StoreSinkOptions): StoreSinkConfig {
  const parsed = sinkConfigSchema().safeParse(options);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) => ({ variable: ['store', ...issue.path].join('.'), message: issue.message })),
  );
}

/** The absolute file of a `sqlite:` URL, relative ones from `cwd`; undefined where the URL is another. */
export function sqliteFile(storeUrl: string, cwd: string = '.'): string | undefined {
  return storeUrl.startsWith('sqlite:') ? resolve(cwd, storeUrl.slice('sqlite:'.length)) : undefined;
}

/** The same store, whatever the working directory. */
export function absoluteStoreUrl(storeUrl: string, cwd: string): string {
  const file = sqliteFile(storeUrl, cwd);
  return file === undefined ? storeUrl : `sqlite:${file}`;
}

/** All of a store's URL that may be shown: without user, password and options. */
export function storeAddress(storeUrl: string): string {
  if (sqliteFile(storeUrl) !== undefined) return storeUrl;
  const { host, pathname } = new URL(storeUrl);
  return `postgres://${host}${pathname}`;
}

function isStoreUrl(text: string): boolean {
  if (text.startsWith('sqlite:')) return text.length > 'sqlite:'.length && !text.includes('\0');
  const parsed = URL.parse(text);
  return parsed !== null && /^postgres(?:ql)?:$/u.test(parsed.protocol) && parsed.pathname.length > 1;
}

function keysIn(list: string): string[] {
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}
