/** The REDIS__ variables, and the same settings as the sink takes them. */

import { ConfigError, flag, integer, type EnvSection, type JsonObject } from '@runcast/core';
import { z } from 'zod';

/** Redis as configured by the environment. Frozen. */
export interface RedisConfig {
  readonly enabled: boolean;
  /** Holds the password, where there is one. */
  readonly url: string;
  readonly stream: string;
  readonly max_len: number | undefined;
  readonly log_every_n_steps: number;
}

const DEFAULTS = {
  url: 'redis://localhost:6379/0',
  stream: 'trainer_metrics_events',
  log_every_n_steps: 1,
} as const;

const URL_EXPECTED = 'expects redis://[user:password@]host[:port][/database], or rediss:// for TLS';
const COUNT_EXPECTED = 'expects an integer from 1';

const url = () => z.string().refine(isServerUrl, URL_EXPECTED);
const stream = () =>
  z
    .string()
    .min(1, 'expects the name of a stream')
    .refine((name) => !/\p{Cc}/u.test(name), 'expects a name without control characters');
const optionalCount = (): z.ZodType<number | undefined> =>
  z
    .string()
    .regex(/^\d+$/u, COUNT_EXPECTED)
    .transform(Number)
    .refine((value) => Number.isSafeInteger(value) && value >= 1, COUNT_EXPECTED)
    .optional();

/** The `REDIS__` variables. */
export const redisEnv: EnvSection<RedisConfig> = {
  prefix: 'REDIS',
  schema: () =>
    z.object({
      enabled: flag(false),
      url: url().default(DEFAULTS.url),
      stream: stream().default(DEFAULTS.stream),
      max_len: optionalCount(),
      log_every_n_steps: integer(DEFAULTS.log_every_n_steps, 1),
    }),
  docs: {
    enabled: { type: 'true or false', meaning: 'publish to a Redis stream' },
    url: { type: 'redis:// or rediss://', meaning: 'the server, with user and password; rediss:// for TLS' },
    stream: { type: 'text', meaning: 'the stream that entries are added to, one a record' },
    max_len: { type: 'integer from 1', meaning: 'about how many entries the stream keeps; all where unset' },
    log_every_n_steps: { type: 'integer from 1', meaning: 'publish every n-th step' },
  },
};

export interface RedisSinkOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS; `redis://localhost:6379/0` where left out. */
  readonly url?: string | undefined;
  /** The stream's name; `trainer_metrics_events` where left out. */
  readonly stream?: string | undefined;
  /** About how many entries the stream keeps; all where left out. */
  readonly maxLen?: number | undefined;
  /** Takes every n-th logStep call only; 1 where left out. */
  readonly logEveryNSteps?: number | undefined;
}

/** {@link RedisSinkOptions} with their defaults. */
export interface RedisSinkConfig extends JsonObject {
  readonly url: string;
  readonly stream: string;
  /** Null where the stream keeps everything. */
  readonly maxLen: number | null;
  readonly logEveryNSteps: number;
}

const sinkConfigSchema = () =>
  z.strictObject({
    url: url().default(DEFAULTS.url),
    stream: stream().default(DEFAULTS.stream),
    maxLen: z.int().min(1).nullable().default(null),
    logEveryNSteps: z.int().min(1).default(DEFAULTS.log_every_n_steps),
  });

/** Throws {@link ConfigError} with everything that is wrong, and nothing of what the URL holds. */
export function parseSinkConfig(options: JsonObject | RedisSinkOptions): RedisSinkConfig {
  const parsed = sinkConfigSchema().safeParse(options);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) => ({ variable: ['redis', ...issue.path].join('.'), message: issue.message })),
  );
}

/** Scheme, host, port and database of a server's URL: all of it that may be shown. */
export function serverAddress(serverUrl: string): string {
  const { protocol, host, pathname } = new URL(serverUrl);
  return `${protocol}//${host}${pathname}`;
}

function isServerUrl(text: string): boolean {
  const parsed = URL.parse(text);
  return (
    parsed !== null &&
    /^rediss?:$/u.test(parsed.protocol) &&
    parsed.hostname !== '' &&
    /^(?:\/\d*)?$/u.test(parsed.pathname)
  );
}
