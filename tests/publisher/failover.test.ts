// Without a worker to be had, or with one that dies, the same sinks work on the trainer's loop, each record once.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeTrainingPlace } from '../support/training-place.ts';

const SEQS = Array.from({ length: 302 }, (_, index) => index);

test.each([
  ['exit', 'the worker exited with code 5'],
  ['throw', 'a mistake in the sink'],
  ['reject', 'a mistake in the sink'],
])('a worker that dies by %s is replaced, and nothing of it reaches training', async (by, reason) => {
  const training = makeTrainingPlace('worker');
  onTestFinished(training.remove);
  const ended = await training.start('mortal-worker.ts', [by, training.root]).ended;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(ended.stdout)).toEqual({
    host: 'inline',
    hostReason: `the worker died: ${reason}`,
    states: ['delivering', 'delivering'],
    errors: [
      {
        type: 'sinkError',
        sink: 'worker',
        error: { message: `the worker died: ${reason}`, code: 'RUNCAST_WORKER_DIED' },
        terminal: false,
      },
    ],
    complete: true,
  });
  expect(training.rows().map(({ seq }) => seq)).toEqual(SEQS);
  const mortal = readFileSync(path.join(training.root, 'mortal', 'run-1.jsonl'), 'utf8');
  expect(mortal).toBe(readFileSync(path.join(training.root, 'jsonl', 'run-1.jsonl'), 'utf8'));
});

test('a process that may start no worker delivers on its own loop', async () => {
  const training = makeTrainingPlace('worker');
  onTestFinished(training.remove);
  const startedMs = performance.now();
  const flags = '--permission --allow-fs-read=* --allow-fs-write=* --allow-child-process --allow-addons';
  const ended = await training.start('ending.ts', ['close'], { NODE_OPTIONS: flags }).ended;
  expect(ended).toMatchObject({ code: 0, stdout: 'inline\n' });
  // Closing would wait so long for files that could not be forced to the disk.
  expect(performance.now() - startedMs).toBeLessThan(25_000);
  expect(training.rows().map(({ seq }) => seq)).toEqual(SEQS);
  expect(training.eventSteps()).toHaveLength(300);
});
