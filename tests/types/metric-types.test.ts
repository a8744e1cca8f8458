// What the types of a trainer's calls let through and what they do not: each snippet is compiled with the workspace's own
// settings, and has to give exactly the errors it names.
import path from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const top = path.join(import.meta.dirname, '..', '..');

const OPENING = `
import type { MetricsLogger, MetricsPublisher } from '@runcast/core';
interface Reward { readonly step: { reward: number; entropy?: number } }
interface Everything {
  readonly step: { reward: number };
  readonly epoch: { mean_reward: number };
  readonly validation: { score: number };
  readonly final: { best: number };
  readonly hparams: { gamma: number; env: string };
}
declare const logger: MetricsLogger;
declare const reward: MetricsPublisher<Reward>;
declare const everything: MetricsLogger<Everything>;
`;

const COMPILE: readonly string[] = [
  'logger.logStep({ step: 1, loss: 0.5 })',
  'logger.logStep({ step: 1, loss: 0.5, metrics: { grad_norm: 1 } })',
  'logger.logEpoch({ epoch: 1, loss: 0.5 }); logger.logValidation({ epoch: 1, loss: 0.5 })',
  'logger.logFinal({ loss: 0.5 }); logger.logFinal({ loss: 0.5, total_steps: 3 })',
  `logger.logHparams({ model_family: 'bigram', model_size: 'tiny', batch_size: 32, learning_rate: 3e-4, max_seq_len: 128,
    num_epochs: 2, extra: { seed: 7, tuned: true, teacher: null } })`,
  `logger.log({ 'production/iron-plate': 450.5 }); logger.log({ a: 1 }, { step: 1 })`,
  `logger.log('training/operator', { loss: 1 }); logger.log('training/operator', { loss: 1 }, { step: 1 })`,
  `logger.logTable('t', { columns: ['a'], rows: [[1], ['b'], [null], [{ c: [true] }]] } as const)`,
  `logger.logHistogram('h', new Float32Array(3)); logger.logHistogram('h', [1, 2] as const, { buckets: 5 })`,
  `logger.logImage('i', new Uint8Array(3)); logger.logImage('i', { svg: '' }); logger.logImage('i', { path: '' })`,
  `logger.addTags(['a'] as const); logger.alert({ title: 'a', text: 'b' })`,
  'reward.logStep({ step: 1, reward: 2 }); reward.logStep({ step: 1, reward: 2, entropy: 3, metrics: { lr: 1 } })',
  'reward.logEpoch({ epoch: 1, loss: 1 })',
  `everything.logStep({ step: 1, reward: 1 }); everything.logEpoch({ epoch: 1, mean_reward: 1 });
   everything.logValidation({ epoch: 1, score: 1 }); everything.logFinal({ best: 1, total_steps: 2 });
   everything.logHparams({ gamma: 0.9, env: 'maze' })`,
];

/** What is wrong, a snippet, and the code of the compiler's one error. */
const DO_NOT_COMPILE: readonly (readonly [string, string, number])[] = [
  ['a missing loss', 'logger.logStep({ step: 1 })', 2345],
  ['a misspelt loss', 'logger.logStep({ step: 1, los: 1 })', 2561],
  ['an unknown metric beside the typed ones', 'logger.logStep({ step: 1, loss: 1, grad_norm: 1 })', 2353],
  ['a missing step', 'logger.logStep({ loss: 1 })', 2345],
  ['a metric that is text', `logger.logStep({ step: 1, loss: '0.5' })`, 2322],
  ['a further metric that is text', `logger.logStep({ step: 1, loss: 1, metrics: { lr: '1' } })`, 2322],
  ['a metric that may be undefined', 'logger.logStep({ step: 1, loss: undefined })', 2322],
  ['an epoch given as a step', 'logger.logEpoch({ step: 1, loss: 1 })', 2353],
  ['a validation without loss', 'logger.logValidation({ epoch: 1 })', 2345],
  ['a final result without loss', 'logger.logFinal({ total_steps: 1 })', 2345],
  ['hyperparameters that are not complete', `logger.logHparams({ model_family: 'bigram' })`, 2345],
  ['a step where options belong', 'logger.log({ a: 1 }, 5)', 2769],
  ['a free row that is text', `logger.log({ a: 'x' })`, 2322],
  ['a series without metrics', `logger.log('training/operator')`, 2345],
  ['a summary of objects', 'logger.logSummary({ a: {} })', 2322],
  ['a configuration of functions', 'logger.updateConfig({ a: () => 1 })', 2322],
  ['one tag that is no list', `logger.addTags('baseline')`, 2345],
  ['an unknown summary rule', `logger.defineMetric('a', { summary: 'median' })`, 2820],
  ['an unknown level', `logger.alert({ title: 'a', text: 'b', level: 'fatal' })`, 2322],
  ['an image of text', `logger.logImage('i', 'picture.png')`, 2345],
  ['a histogram of texts', `logger.logHistogram('h', ['1'])`, 2322],
  ['a loss where the project has none', 'reward.logStep({ step: 1, reward: 1, loss: 1 })', 2353],
  ['a missing metric of the project', 'reward.logStep({ step: 1, entropy: 1 })', 2345],
  ['a misspelt metric of the project', 'reward.logStep({ step: 1, reward: 1, entropi: 1 })', 2561],
  ['an epoch without the loss that the project kept', 'reward.logEpoch({ epoch: 1, reward: 1 })', 2353],
  ['the default hyperparameters of a project with its own', 'everything.logHparams({ batch_size: 1 })', 2353],
  ['the wrong type of a hyperparameter', `everything.logHparams({ gamma: '0.9', env: 'maze' })`, 2322],
  ['a validation of the wrong shape', 'everything.logValidation({ epoch: 1, mean_reward: 1 })', 2353],
];

/** The codes of every error in each snippet, compiled in one program. */
function errorCodes(snippets: readonly string[]): readonly (readonly number[])[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    path.join(top, 'tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  );
  if (config === undefined) throw new Error('tsconfig.json cannot be read');
  const sources = new Map(
    snippets.map((snippet, index) => [path.join(import.meta.dirname, `snippet-${index}.ts`), OPENING + snippet]),
  );
  const host = ts.createCompilerHost(config.options);
  const program = ts.createProgram([...sources.keys()], config.options, {
    ...host,
    fileExists: (name) => sources.has(name) || host.fileExists(name),
    readFile: (name) => sources.get(name) ?? host.readFile(name),
    getSourceFile: (name, languageVersion, ...rest) => {
      const text = sources.get(name);
      return text === undefined
        ? host.getSourceFile(name, languageVersion, ...rest)
        : ts.createSourceFile(name, text, languageVersion);
    },
  });
  return [...sources.keys()].map((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
      .filter(({ code }) => code !== UNUSED)
      .map(({ code }) => code);
  });
}

/** What the opening declares and a snippet does not use. */
const UNUSED = 6133;

describe('the types of a trainer’s calls', () => {
  let good: readonly (readonly number[])[] = [];
  let bad: readonly (readonly number[])[] = [];

  beforeAll(() => {
    const codes = errorCodes([...COMPILE, ...DO_NOT_COMPILE.map(([, snippet]) => snippet)]);
    good = codes.slice(0, COMPILE.length);
    bad = codes.slice(COMPILE.length);
  });

  it.each(COMPILE.map((snippet, index) => [snippet, index] as const))('let through %s', (_, index) => {
    expect(good[index]).toEqual([]);
  });

  it.each(DO_NOT_COMPILE.map(([name, , code], index) => [name, code, index] as const))(
    'refuse %s, with error %d',
    (_, code, index) => {
      expect(bad[index]).toEqual([code]);
    },
  );
});
