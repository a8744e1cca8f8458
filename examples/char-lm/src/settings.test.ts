import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError, readConfiguration } from 'runcast';
import { expect, test } from 'vitest';
import { readSettings, settingsSection } from './settings.ts';

test('an empty environment gives the defaults', () => {
  expect(readSettings({})).toEqual({
    settings: {
      epochs: 12,
      steps_per_epoch: 1000,
      batch_size: 64,
      learning_rate: 0.003,
      max_grad_norm: 1,
      hidden_units: 128,
      context_length: 8,
      bucket_bits: 14,
      validation_positions: 10_000,
      seed: 7,
    },
    warnings: [],
  });
});

test('variables are read as the types they have', () => {
  const { settings } = readSettings({ CHAR_LM__EPOCHS: '3', CHAR_LM__LEARNING_RATE: '1e-2', CHAR_LM__SEED: '' });
  expect(settings).toMatchObject({ epochs: 3, learning_rate: 0.01, seed: 7 });
});

test('every mistake is named at once, with what it holds and what was expected', () => {
  const mistaken = {
    CHAR_LM__EPOCHS: 'many',
    CHAR_LM__BATCH_SIZE: '0',
    CHAR_LM__LEARNING_RATE: '-1',
    CHAR_LM__SEAD: '7',
    TENSORBOARD__FLUSH_SECS: 'soon',
  };
  expect(() => readSettings(mistaken)).toThrow(ConfigError);
  expect(() => readSettings(mistaken)).toThrow(
    [
      '5 configuration problems',
      '  CHAR_LM__EPOCHS: expects an integer from 1 to 1000, holds "many"',
      '  CHAR_LM__BATCH_SIZE: expects an integer from 1 to 4096, holds "0"',
      '  CHAR_LM__LEARNING_RATE: expects a number above 0, at most 1, holds "-1"',
      '  CHAR_LM__SEAD: is not known; did you mean CHAR_LM__SEED?',
      '  TENSORBOARD__FLUSH_SECS: expects an integer from 1, holds "soon"',
    ].join('\n'),
  );
});

test('a variable that is merely unknown is a warning', () => {
  expect(readSettings({ CHAR_LM__ATTENTION_HEADS: '8' }).warnings).toHaveLength(1);
});

test('each field is documented', () => {
  expect(Object.keys(settingsSection.docs)).toEqual(Object.keys(settingsSection.schema().shape));
});

test('.env.example says the defaults, and turns on the sinks there are', () => {
  const example = parseEnv(readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8'));
  const { settings, warnings } = readSettings(example);
  expect(settings).toEqual(readSettings({}).settings);
  expect(readConfiguration(example).sinks.map(({ name }) => name)).toEqual(['jsonl', 'tensorboard']);
  expect(warnings).toEqual([]);
});
