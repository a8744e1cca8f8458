import { Recorder } from 'runcast';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createDataset } from './dataset.ts';
import { createRandom } from './random.ts';
import { readSettings } from './settings.ts';
import { train, type LossPoint, type TrainingResult } from './train.ts';

const recordSchema = z.looseObject({
  kind: z.string(),
  metrics: z.record(z.string(), z.number()).default({}),
});
type LoggedRecord = z.infer<typeof recordSchema>;

/** Sentences with a grammar, so that there is something to learn: the verb agrees with its subject. */
function createText(sentences: number): string {
  const random = createRandom(1);
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? '';
  return Array.from({ length: sentences }, () =>
    pick(['the whale ', 'a sailor ']).concat(pick(['swims', 'sings', 'sleeps']), pick([' now. ', ' today. ', '. '])),
  ).join('');
}

const dataset = createDataset(createText(300), { validationShare: 0.1, leastCount: 1 });
const { settings } = readSettings({
  CHAR_LM__EPOCHS: '3',
  CHAR_LM__STEPS_PER_EPOCH: '100',
  CHAR_LM__BATCH_SIZE: '16',
  CHAR_LM__LEARNING_RATE: '0.02',
  CHAR_LM__HIDDEN_UNITS: '16',
  CHAR_LM__BUCKET_BITS: '8',
  CHAR_LM__VALIDATION_POSITIONS: '300',
});

interface LoggedTraining {
  readonly result: TrainingResult;
  readonly records: readonly LoggedRecord[];
  readonly rejected: number;
  readonly steps: readonly LossPoint[];
  readonly validations: readonly LossPoint[];
}

function noBlobs(): never {
  throw new Error('the training stores no files');
}

async function trainLogged(signal: AbortSignal = new AbortController().signal): Promise<LoggedTraining> {
  const records: LoggedRecord[] = [];
  const steps: LossPoint[] = [];
  const validations: LossPoint[] = [];
  const publisher = new Recorder({
    log: {
      append: (line) => {
        records.push(recordSchema.parse(JSON.parse(line.toString())));
        return true;
      },
    },
    blobs: { put: noBlobs, copy: noBlobs, read: noBlobs },
    nowMs: () => 0,
    onRejected: () => undefined,
  });
  const observer = {
    onStep: (point: LossPoint) => steps.push(point),
    onValidation: (point: LossPoint) => validations.push(point),
  };
  const result = await train({ dataset, settings, publisher, signal, observers: [observer] });
  return { result, records, rejected: publisher.rejected, steps, validations };
}

describe('a training of 300 small steps', async () => {
  const { result, records, rejected, steps, validations } = await trainLogged();
  const ofKind = (kind: string): readonly LoggedRecord[] => records.filter((record) => record.kind === kind);

  test('learns: the loss falls on the training text and on the held-out text', () => {
    expect(result.untrained.training).toBeGreaterThan(2.5);
    expect(result.untrained.validation).toBeGreaterThan(2.5);
    expect(result.trained.training).toBeLessThan(0.8);
    expect(result.trained.validation).toBeLessThan(0.8);
    expect(result.sample).toMatch(/^Call me Ishmael\. .{400}$/u);
    expect(result.sample).toMatch(/whale|sailor/u);
  });

  test('logs its hyperparameters before anything else', () => {
    expect(records[0]).toMatchObject({
      kind: 'hparams',
      hparams: { batch_size: 16, learning_rate: 0.02, max_seq_len: 8, num_epochs: 3, seed: 7, hidden_units: 16 },
    });
    expect(ofKind('hparams')).toHaveLength(1);
  });

  test('logs each step with its learning rate and gradient norm', () => {
    expect(ofKind('step').map((record) => record['step'])).toEqual(
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
    for (const { metrics } of ofKind('step')) {
      expect(metrics['train/perplexity']).toBeCloseTo(perplexity(metrics['train/loss']), 9);
      expect(metrics['train/learning_rate']).toBeGreaterThan(0);
      expect(metrics['train/grad_norm']).toBeGreaterThan(0);
    }
  });

  test('logs each epoch, and a validation before the first and after each', () => {
    expect(ofKind('epoch').map((record) => record['epoch'])).toEqual([1, 2, 3]);
    expect(ofKind('validation').map((record) => record['epoch'])).toEqual([0, 1, 2, 3]);
    expect(ofKind('validation').map(({ metrics }) => metrics['val/loss'])).toEqual(validations.map(({ loss }) => loss));
    expect(ofKind('text').map((record) => record['step'])).toEqual([100, 200, 300]);
    expect(ofKind('histogram').map((record) => record['key'])).toContain('weights/output');
  });

  test('logs its result once, and nothing that is rejected', () => {
    expect(ofKind('final')).toHaveLength(1);
    expect(ofKind('final')[0]).toMatchObject({
      total_steps: 300,
      metrics: { 'final/loss': result.trained.validation, 'final/train_loss': result.trained.training },
    });
    expect(rejected).toBe(0);
  });

  test('tells its observers of every step and validation', () => {
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(validations.map(({ step }) => step)).toEqual([0, 100, 200, 300]);
    expect(validations.at(-1)?.loss).toBe(result.trained.validation);
  });

  test('can be repeated, number for number', async () => {
    expect((await trainLogged()).result).toEqual(result);
  });
});

test('an aborted training stops with the reason of its signal', async () => {
  await expect(trainLogged(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});

function perplexity(loss: number | undefined): number {
  return Math.exp(loss ?? NaN);
}
