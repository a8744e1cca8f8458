/**
 * Secrets kept out of everything written: configuration, arguments, git remotes. By name (a member called `api_key`) and
 * by form (a value that looks like a token). Numbers are never touched: `latent_tokens: 64` is no secret.
 */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json.ts';

export const REDACTED = '[redacted]';

/** Whole words of a name that make the texts of its value secret, after splitting at case changes, `_`, `-` and `.`. */
const SECRET_WORDS = new Set([
  'password',
  'passwd',
  'passphrase',
  'secret',
  'secrets',
  'token',
  'apikey',
  'credential',
  'credentials',
  'authorization',
  'cookie',
]);
/** Pairs of words that do so together. */
const SECRET_PAIRS = new Set([
  'api key',
  'access key',
  'private key',
  'secret key',
  'auth key',
  'signing key',
  'encryption key',
  'auth token',
  'account key',
]);

/** Forms of well-known secrets: GitHub, GitLab, OpenAI and Anthropic, AWS, Slack, Google, Hugging Face, npm, JSON web tokens, PEM keys. */
const SECRET_FORMS: readonly RegExp[] = [
  /\bgh[pousr]_[A-Za-z0-9]{20,}/gu,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/gu,
  /\bglpat-[A-Za-z0-9_-]{16,}/gu,
  /\bsk-[A-Za-z0-9_-]{16,}/gu,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/gu,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/gu,
  /\bAIza[A-Za-z0-9_-]{30,}/gu,
  /\bhf_[A-Za-z0-9]{20,}/gu,
  /\bnpm_[A-Za-z0-9]{30,}/gu,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/gu,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gu,
  /\bBearer\s+[A-Za-z0-9._~+/-]{8,}=*/gu,
];

/** User and password of a URL: `scheme://user:password@host`. A user alone may be a token and goes as well. */
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*(?::[^\s/?#]*)?@/giu;

/** A flag or assignment that names a secret, with its value: `--api-key=abc`, `WANDB_API_KEY=abc`. */
const ASSIGNMENT = /^(-{0,2})([A-Za-z][\w.-]*)=(.+)$/su;

export function isSecretName(name: string): boolean {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/gu, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/u)
    .filter((word) => word !== '');
  return words.some((word, index) => SECRET_WORDS.has(word) || SECRET_PAIRS.has(`${word} ${words[index + 1] ?? ''}`));
}

/** The text without secrets that are known by their form. */
export function redactText(text: string): string {
  const withoutTokens = SECRET_FORMS.reduce((rest, form) => rest.replaceAll(form, REDACTED), text);
  return withoutTokens.replaceAll(URL_CREDENTIALS, `$1${REDACTED}@`);
}

/** A copy without secrets, known by name or by form. Keys and numbers stay as they are. */
export function redactJson(value: JsonValue): JsonValue {
  if (typeof value === 'string') return redactText(value);
  if (isJsonObject(value)) return redactObject(value);
  return isJsonArray(value) ? value.map((item) => redactJson(item)) : value;
}

export function redactObject(object: JsonObject): JsonObject {
  const entries = Object.entries(object).map(([key, value]): [string, JsonValue] => [
    key,
    isSecretName(key) ? hideTexts(value) : redactJson(value),
  ]);
  return Object.fromEntries(entries);
}

/** Below a secret name every text is one, in lists and objects too. */
function hideTexts(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value === '' ? value : REDACTED;
  if (isJsonObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hideTexts(item)]));
  return isJsonArray(value) ? value.map((item) => hideTexts(item)) : value;
}

/** Command-line arguments without secrets: `--api-key abc` and `--api-key=abc` lose their values. */
export function redactArguments(argv: readonly string[]): readonly string[] {
  return argv.map((argument, index) => {
    const previous = argv[index - 1];
    if (
      previous !== undefined &&
      /^--?[A-Za-z]/u.test(previous) &&
      !previous.includes('=') &&
      isSecretName(previous) &&
      !argument.startsWith('-')
    )
      return REDACTED;
    const [, dashes = '', name = '', value = ''] = ASSIGNMENT.exec(argument) ?? [];
    return value !== '' && isSecretName(name) ? `${dashes}${name}=${REDACTED}` : redactText(argument);
  });
}
