/** The `WANDB__` variables, and the same settings as the sink takes them. */

import {
  choice,
  ConfigError,
  flag,
  integer,
  optionalText,
  type ConfigProblem,
  type EnvSection,
  type JsonObject,
} from '@runcast/core';
import { z } from 'zod';

const WANDB_MODES = ['online', 'offline', 'disabled'] as const;
const WANDB_ENGINES = ['native', 'sdk'] as const;
const IMAGE_CHOICES = ['png', 'svg', 'both'] as const;

/** `offline` writes what `wandb sync` uploads later; `disabled` does nothing at all. */
export type WandbMode = (typeof WANDB_MODES)[number];
/** How runs reach W&B: by this package, or by W&B's own client for Node, npm's `@wandb/sdk`. */
export type WandbEngine = (typeof WANDB_ENGINES)[number];
/** Which images are sent: those made of pixels, SVG documents, or both. */
export type WandbImageChoice = (typeof IMAGE_CHOICES)[number];

/** Pixels. */
export interface ImageSize extends JsonObject {
  readonly width: number;
  readonly height: number;
}

/** W&B as configured by the environment. */
export interface WandbConfig {
  readonly enabled: boolean;
  readonly mode: WandbMode;
  readonly engine: WandbEngine;
  readonly log_every_n_steps: number;
  readonly project: string | undefined;
  readonly entity: string | undefined;
  readonly group: string | undefined;
  readonly job_type: string | undefined;
  readonly image_format: WandbImageChoice;
  readonly max_image_size: ImageSize | undefined;
}

function imageSize(): z.ZodType<ImageSize | undefined> {
  return z
    .string()
    .regex(/^[1-9]\d{0,5}x[1-9]\d{0,5}$/u, 'expects pixels as <width>x<height>')
    .transform((text) => {
      const [width = 0, height = 0] = text.split('x').map(Number);
      return { width, height };
    })
    .optional();
}

/** The `WANDB__` variables. */
export const wandbEnv: EnvSection<WandbConfig> = {
  prefix: 'WANDB',
  schema: () =>
    z.object({
      enabled: flag(false),
      mode: choice(WANDB_MODES, 'online'),
      engine: choice(WANDB_ENGINES, 'native'),
      log_every_n_steps: integer(1, 1),
      project: optionalText(),
      entity: optionalText(),
      group: optionalText(),
      job_type: optionalText(),
      image_format: choice(IMAGE_CHOICES, 'both'),
      max_image_size: imageSize(),
    }),
  docs: {
    enabled: { type: 'true or false', meaning: 'send the run to Weights & Biases' },
    mode: {
      type: 'online, offline or disabled',
      meaning: 'send now, write what wandb sync uploads later, or do nothing; WANDB_MODE where unset',
    },
    engine: {
      type: 'native or sdk',
      meaning: 'how runs reach W&B; sdk is its client for Node, sends rows only, and needs @wandb/sdk',
    },
    log_every_n_steps: { type: 'integer from 1', meaning: 'send every n-th logStep call only' },
    project: { type: 'text', meaning: "W&B's project; where unset the run's, then WANDB_PROJECT" },
    entity: { type: 'text', meaning: "user or team; where unset the run's, then WANDB_ENTITY, then the key's default" },
    group: { type: 'text', meaning: "group of the run; where unset the run's, then WANDB_RUN_GROUP" },
    job_type: { type: 'text', meaning: "what the run does, such as train; where unset the run's" },
    image_format: { type: 'png, svg or both', meaning: 'send images made of pixels, SVG images, or both' },
    max_image_size: { type: '<width>x<height>', meaning: 'larger images are set aside; no limit where unset' },
  },
};

/** The public W&B. */
export const PUBLIC_BASE_URL = 'https://api.wandb.ai';

export interface WandbSinkOptions {
  /** `online` where left out. */
  readonly mode?: WandbMode | undefined;
  /** `native` where left out; `sdk` needs `@wandb/sdk` 0.5.1, beside this package or in the working directory, and `online`. */
  readonly engine?: WandbEngine | undefined;
  /** Needed online. */
  readonly apiKey?: string | undefined;
  /** `https://api.wandb.ai` where left out. */
  readonly baseUrl?: string | undefined;
  /** Where offline runs are written: below it, in a directory `wandb`; the working directory where left out. */
  readonly dir?: string | undefined;
  /** Each goes before what the run says of itself. */
  readonly project?: string | undefined;
  readonly entity?: string | undefined;
  readonly group?: string | undefined;
  readonly jobType?: string | undefined;
  /** Takes every n-th logStep call only; 1 where left out. */
  readonly logEveryNSteps?: number | undefined;
  /** `both` where left out. */
  readonly images?: WandbImageChoice | undefined;
  /** Larger images are refused. */
  readonly maxImageSize?: ImageSize | undefined;
  /** Taken where neither an option above nor the run says anything. */
  readonly fallback?: Partial<WandbSinkConfig['fallback']> | undefined;
}

/** {@link WandbSinkOptions} with their defaults. */
export interface WandbSinkConfig {
  readonly mode: WandbMode;
  readonly engine: WandbEngine;
  readonly apiKey?: string | undefined;
  readonly baseUrl: string;
  readonly dir: string;
  readonly project?: string | undefined;
  readonly entity?: string | undefined;
  readonly group?: string | undefined;
  readonly jobType?: string | undefined;
  readonly logEveryNSteps: number;
  readonly images: WandbImageChoice;
  readonly maxImageSize?: ImageSize | undefined;
  readonly fallback: {
    readonly project?: string | undefined;
    readonly entity?: string | undefined;
    readonly group?: string | undefined;
  };
}

function sinkConfigSchema(): z.ZodType<WandbSinkConfig> {
  const name = z.string().min(1).optional();
  return z.strictObject({
    mode: z.enum(WANDB_MODES).default('online'),
    engine: z.enum(WANDB_ENGINES).default('native'),
    apiKey: z.string().optional(),
    baseUrl: z.string().default(PUBLIC_BASE_URL),
    dir: z.string().min(1).default('.'),
    project: name,
    entity: name,
    group: name,
    jobType: name,
    logEveryNSteps: z.int().min(1).default(1),
    images: z.enum(IMAGE_CHOICES).default('both'),
    maxImageSize: z.strictObject({ width: z.int().min(1), height: z.int().min(1) }).optional(),
    fallback: z.strictObject({ project: name, entity: name, group: name }).default({}),
  });
}

/** Throws a ConfigError with everything that is wrong. Never shows the key. */
export function parseSinkConfig(options: JsonObject | WandbSinkOptions): WandbSinkConfig {
  const parsed = sinkConfigSchema().safeParse(options);
  if (!parsed.success)
    throw new ConfigError(
      parsed.error.issues.map((issue) => ({ variable: ['wandb', ...issue.path].join('.'), message: issue.message })),
    );
  const problems = sinkConfigProblems(parsed.data, {
    engine: 'wandb.engine (WANDB__ENGINE)',
    apiKey: 'wandb.apiKey (WANDB_API_KEY)',
    baseUrl: 'wandb.baseUrl (WANDB_BASE_URL)',
    project: 'wandb.project (WANDB__PROJECT)',
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}

/** What makes a valid configuration useless; each problem under the name its place has among `variables`. */
export function sinkConfigProblems(
  config: Pick<WandbSinkConfig, 'mode' | 'engine' | 'apiKey' | 'baseUrl' | 'project'>,
  variables: Readonly<Record<'engine' | 'apiKey' | 'baseUrl' | 'project', string>>,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [...nameProblems(config.project, variables.project)];
  if (config.mode === 'offline' && config.engine === 'sdk')
    problems.push({
      variable: variables.engine,
      message: "is sdk, and W&B's client for Node keeps nothing offline; set it to native, or WANDB__MODE=online",
    });
  if (config.mode !== 'online') return problems;
  if (!isHttpUrl(config.baseUrl))
    problems.push({ variable: variables.baseUrl, message: `expects an http or https URL without a query` });
  if (config.apiKey === undefined || config.apiKey === '')
    problems.push({
      variable: variables.apiKey,
      message:
        'is needed for WANDB__MODE=online, here or in ~/.netrc; copy it from https://wandb.ai/authorize, or set WANDB__MODE=offline',
    });
  else if (!/^[\x21-\x7E]+$/u.test(config.apiKey))
    problems.push({ variable: variables.apiKey, message: 'holds blanks or characters that no key of W&B has' });
  return problems;
}

const MAX_NAME_LENGTH = 128;

/** W&B's rule for names of projects and runs: at most 128 characters, and none of those that its addresses are made of. */
export function nameProblems(value: string | undefined, variable: string): readonly ConfigProblem[] {
  if (value === undefined) return [];
  const forbidden = /[/\\#?%:]/u.exec(value)?.[0];
  if (forbidden !== undefined)
    return [
      { variable, message: `${JSON.stringify(value)} holds ${JSON.stringify(forbidden)}, which W&B allows in no name` },
    ];
  return value.length > MAX_NAME_LENGTH
    ? [{ variable, message: `is ${value.length} characters long; W&B allows ${MAX_NAME_LENGTH}` }]
    : [];
}

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/u.test(url.protocol) && url.search === '' && url.username === '';
}
