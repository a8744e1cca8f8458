// The engine tfjs with the real TensorFlow: what TensorBoard shows of its files, beside the same records written natively,
// and what goes wrong with the summary writer of tfjs-node, seen not to happen.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { PositionLostError, type JsonValue, type RunRecord } from '@runcast/core';
import {
  createTensorboardSink,
  readEvents,
  type ScalarEvent,
  type TensorboardEngine,
  type TensorboardSink,
} from '@runcast/tensorboard';
import {
  batchOf,
  closeRecord,
  epochRecord,
  histogramRecord,
  hparamsRecord,
  imageRecord,
  openRecord,
  PIXEL_PNG,
  SAMPLE_TIME,
  stepRecord,
  summaryRecord,
  textRecord,
  writeBlob,
} from '@runcast/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { makeTrainingPlace, type TrainingPlace } from '../support/training-place.ts';
import { tfjsBinding } from '../support/tfjs-binding.ts';
import { missingTfjs, tfjsFolder } from '../support/tfjs.ts';
import { missingTensorboard, READERS, startTensorboard, type TensorboardServer } from './tensorboard-server.ts';

const missing = missingTfjs();
const run = promisify(execFile);
const fixtures = path.join(import.meta.dirname, 'fixtures');
const NODE_FLAGS = ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning'];

/** What tests do with the package itself, as a trainer would that uses it too. */
interface Tfjs {
  setBackend(name: string): boolean;
  tidy(work: () => void): void;
  findBackend(name: string): { getNumOfTFTensors(): number };
}

function isTfjs(module: unknown): module is Tfjs {
  return typeof module === 'object' && module !== null && 'tidy' in module && 'setBackend' in module;
}

function loadTfjs(): Tfjs {
  const tfjs: unknown = createRequire(path.join(tfjsFolder, 'package.json'))('@tensorflow/tfjs-node');
  if (!isTfjs(tfjs)) throw new TypeError('this is not tfjs-node');
  return tfjs;
}

let place = '';

function temporary(): string {
  return mkdtempSync(path.join(tmpdir(), 'runcast-tfjs-'));
}

function openSink(engine: TensorboardEngine, runId: string, position?: JsonValue): TensorboardSink {
  const options = { logDir: path.join(place, 'tb'), logEveryNSteps: 1, engine } as const;
  const sink = createTensorboardSink(options, { binding: tfjsBinding });
  sink.open({ runId, runDirectory: place, position });
  return sink;
}

function step(at: number): RunRecord {
  const metrics = {
    loss: 1 / (at + 1),
    grad_norm: at % 7 === 0 ? 'NaN' : at,
    zero: 0,
  } as const;
  return stepRecord({ seq: at + 1, n: at + 1, step: at, time: SAMPLE_TIME + at, metrics });
}

function eventFiles(runId: string): readonly string[] {
  const directory = path.join(place, 'tb', runId);
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => path.basename(name).startsWith('events.'))
    .toSorted()
    .map((name) => path.join(directory, name));
}

/** Scalars in the order in which readers come to them. */
async function scalars(runId: string): Promise<readonly ScalarEvent[]> {
  const found: ScalarEvent[] = [];
  for await (const event of readEvents(path.join(place, 'tb', runId))) {
    if (event.kind === 'corrupt') throw new Error(`${event.file}, byte ${event.offset}: ${event.problem}`);
    if (event.kind === 'scalar') found.push(event);
  }
  return found;
}

/** The steps of `loss`. */
async function steps(runId: string): Promise<readonly number[]> {
  return (await scalars(runId)).flatMap((event) => (event.tag === 'loss' ? [event.step] : []));
}

describe.skipIf(missing !== undefined || missingTensorboard !== undefined)('TensorBoard', () => {
  const HALF = 150;

  beforeAll(() => {
    place = temporary();
    const first: readonly RunRecord[] = [
      openRecord({ config: { latent_dim: 32 } }),
      hparamsRecord({ hparams: { learning_rate: 3e-4, model_family: 'gru', zero: 0 } }),
      ...Array.from({ length: HALF }, (_, at) => step(at)),
    ];
    const second: readonly RunRecord[] = [
      ...Array.from({ length: HALF }, (_, at) => step(HALF + at)),
      ...Array.from({ length: 20 }, (_, at) =>
        histogramRecord({ key: 'weights', step: at, edges: [-1, 0, at + 0.1], counts: [at, 5] }),
      ),
      epochRecord({ epoch: 1, metrics: { 'epoch/loss': 0.25 } }),
      // Goes back, and so to a sub-run.
      epochRecord({ epoch: 0, metrics: { 'epoch/loss': 0.5 } }),
      imageRecord({ key: 'heatmap', step: 1, ...writeBlob(place, PIXEL_PNG, '.png') }),
      textRecord({ key: 'samples', step: 1, text: '**once** upon' }),
      summaryRecord({ summary: { 'eval/nrmse': 0.25 } }),
      closeRecord({ time: SAMPLE_TIME + 400 }),
    ];
    for (const engine of ['native', 'tfjs'] as const) {
      const killed = openSink(engine, engine);
      killed.write(batchOf('w1', first));
      const position = killed.position();
      // Unknown to the position, and so written again.
      killed.write(batchOf('w1', second.slice(0, 20)));
      const sink = openSink(engine, engine, position);
      sink.write(batchOf('w1', second));
      sink.close();
    }
  });

  afterAll(() => rmSync(place, { recursive: true }));

  describe.each(READERS)('with the %s reader', (reader) => {
    let server: TensorboardServer;

    beforeAll(async () => {
      server = await startTensorboard(path.join(place, 'tb'), reader);
      await server.poll(
        async () => ({ text: await server.tags('text'), scalars: await server.tags('scalars') }),
        ({ text, scalars }) => Object.keys(text).length === 2 && Object.keys(scalars).length === 4,
      );
    });

    afterAll(() => server.stop());

    const asked = async (plugin: string, route: string, tag: string, runId: string): Promise<unknown> =>
      server.json(`/data/plugin/${plugin}/${route}?${new URLSearchParams({ run: runId, tag }).toString()}`);

    it('has the tags of a run written natively', async () => {
      const tags = await Promise.all(['scalars', 'histograms', 'images', 'text'].map((plugin) => server.tags(plugin)));
      for (const byRun of tags) expect(byRun['tfjs']).toEqual(byRun['native']);
      expect(tags[0]?.['tfjs/rewind-1']).toEqual(['epoch/loss']);
    });

    it('has every scalar, with its step and its own time', async () => {
      const tags = (await server.tags('scalars'))['tfjs'] ?? [];
      expect(tags).toEqual(['epoch/loss', 'eval/nrmse', 'grad_norm', 'loss', 'zero']);
      for (const tag of tags)
        expect(await asked('scalars', 'scalars', tag, 'tfjs')).toEqual(
          await asked('scalars', 'scalars', tag, 'native'),
        );
      expect(await server.scalars('tfjs', 'loss')).toHaveLength(2 * HALF);
    });

    it('has every histogram, with its buckets', async () => {
      const histograms = await asked('histograms', 'histograms', 'weights', 'tfjs');
      expect(histograms).toEqual(await asked('histograms', 'histograms', 'weights', 'native'));
      expect(histograms).toHaveLength(20);
    });

    it('has the texts and the images', async () => {
      expect(await asked('text', 'text', 'samples', 'tfjs')).toEqual(await asked('text', 'text', 'samples', 'native'));
      expect(await asked('images', 'images', 'heatmap', 'tfjs')).toMatchObject([{ step: 1 }]);
    });

    it('has the run’s line in the HParams table', async () => {
      const groups = await server.poll(
        () => server.sessionGroups(),
        (found) => found.length === 2,
      );
      const [native, tfjs] = ['native', 'tfjs'].map((runId) =>
        groups.find(({ sessions }) => sessions.some(({ name }) => name === runId)),
      );
      expect(tfjs?.hparams).toEqual(native?.hparams);
      expect(tfjs?.hparams).toMatchObject({ latent_dim: 32, model_family: 'gru' });
      expect(tfjs?.sessions).toMatchObject([{ name: 'tfjs', status: 'STATUS_SUCCESS' }]);
    });
  });
});

describe.skipIf(missing !== undefined)('the engine tfjs', () => {
  beforeEach(() => {
    place = temporary();
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  });

  it('writes a file only once there is something to write, and one for a process', async () => {
    const sink = openSink('tfjs', 'run');
    expect(eventFiles('run')).toEqual([]);
    sink.write(batchOf('w1', [openRecord(), step(1)]));
    sink.write(batchOf('w1', [step(2)]));
    sink.close();
    expect(eventFiles('run')).toHaveLength(1);
    expect(await steps('run')).toEqual([1, 2]);
  });

  it('has every batch with the system when its write returns', async () => {
    const sink = openSink('tfjs', 'run');
    onTestFinished(() => sink.close());
    for (let at = 1; at <= 3; at += 1) {
      sink.write(batchOf('w1', at === 1 ? [openRecord(), step(at)] : [step(at)]));
      expect((await steps('run')).at(-1)).toBe(at);
    }
  });

  it('begins a file that is read after the one before, however soon that was', async () => {
    let position: JsonValue | undefined;
    for (let at = 1; at <= 3; at += 1) {
      const sink = openSink('tfjs', 'run', position);
      sink.write(batchOf('w1', [openRecord(), step(at)]));
      sink.close();
      position = sink.position();
    }
    const seconds = eventFiles('run').map((file) => path.basename(file).split('.')[3]);
    expect(new Set(seconds).size).toBe(3);
    expect(await steps('run')).toEqual([1, 2, 3]);
  });

  it('keeps steps that tfjs-node refuses', async () => {
    const sink = openSink('tfjs', 'run');
    const far = [2 ** 31 - 1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER];
    sink.write(batchOf('w1', [openRecord(), ...far.map((at) => stepRecord({ step: at, metrics: { loss: 1 } }))]));
    sink.close();
    expect(await steps('run')).toEqual(far);
  });

  it('keeps numbers as 32-bit floats, and those that are none', async () => {
    const sink = openSink('tfjs', 'run');
    const metrics = { huge: 1e40, odd: 16_777_217, nan: 'NaN', infinity: '-Infinity', zero: -0 } as const;
    sink.write(batchOf('w1', [openRecord(), stepRecord({ metrics })]));
    sink.close();
    const values = (await scalars('run')).map(({ tag, value }) => [tag, value]);
    expect(Object.fromEntries(values)).toEqual({
      huge: Infinity,
      odd: 16_777_216,
      nan: Number.NaN,
      infinity: -Infinity,
      zero: -0,
    });
  });

  it('works within tidy and beside another backend, and leaves no tensor behind', async () => {
    const tfjs = loadTfjs();
    const before = tfjs.findBackend('tensorflow').getNumOfTFTensors();
    tfjs.setBackend('cpu');
    onTestFinished(() => void tfjs.setBackend('tensorflow'));
    tfjs.tidy(() => {
      const sink = openSink('tfjs', 'run');
      for (let at = 0; at < 100; at += 1) sink.write(batchOf('w1', [at === 0 ? openRecord() : step(at)]));
      sink.close();
    });
    expect(await steps('run')).toHaveLength(99);
    expect(tfjs.findBackend('tensorflow').getNumOfTFTensors()).toBe(before);
  });

  it('writes to the same directory again after it was closed, and with two writers at once', async () => {
    for (const runId of ['one', 'one', 'two']) {
      const sink = openSink('tfjs', runId);
      const other = openSink('tfjs', `other ${runId}`);
      for (const open of [sink, other]) open.write(batchOf('w1', [openRecord(), step(1)]));
      for (const open of [sink, other]) open.close();
      expect([await steps(runId), await steps(`other ${runId}`)]).toEqual([[1], [1]]);
    }
  });

  it('has no more than sixteen files open, and goes on with those it has closed', async () => {
    const sink = openSink('tfjs', 'run');
    const going = Array.from({ length: 18 }, (_, at) => stepRecord({ step: 100 - at, metrics: { loss: at } }));
    sink.write(batchOf('w1', [openRecord(), ...going]));
    sink.write(batchOf('w1', [stepRecord({ step: 200, metrics: { other: 1 } })]));
    sink.close();
    const found = (await scalars('run')).map((event) => event.step);
    expect(found.toSorted((one, other) => one - other)).toEqual([
      ...going.map((record) => record.step).toReversed(),
      200,
    ]);
  });

  it.each(['flush', 'write'] as const)('tells by a %s that its files were removed', (call) => {
    const sink = openSink('tfjs', 'run');
    sink.write(batchOf('w1', [openRecord(), step(1)]));
    rmSync(path.join(place, 'tb'), { recursive: true });
    expect(() => (call === 'flush' ? sink.flush() : sink.write(batchOf('w1', [step(2)])))).toThrow(PositionLostError);
    expect(() => sink.write(batchOf('w1', [step(2)]))).toThrow(PositionLostError);
  });

  it.each([
    ['native', 'tfjs'],
    ['tfjs', 'native'],
  ] as const)('begins anew where %s has written, and %s goes on', async (one, other) => {
    const first = openSink(one, 'run');
    first.write(batchOf('w1', [openRecord(), step(1)]));
    first.close();
    expect(() => openSink(other, 'run', first.position())).toThrow(
      new PositionLostError(`the files are those of the engine ${one}: ${other} writes them anew`),
    );
    const second = openSink(other, 'run');
    second.write(batchOf('w1', [openRecord(), step(1), step(2)]));
    second.close();
    expect(await steps('run')).toEqual([1, 2]);
    expect(eventFiles('run')).toHaveLength(1);
  });

  it('goes to a new file where one takes no more, with nothing doubled, torn or lost', async () => {
    const limit = 'ulimit -f 64; trap "" XFSZ; exec "$@"';
    const program = [process.execPath, ...NODE_FLAGS, path.join(fixtures, 'limited-files.ts'), path.join(place, 'tb')];
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', NODE_V8_COVERAGE: undefined };
    const { stdout } = await run('bash', ['-c', limit, 'bash', ...program], { env });
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(eventFiles('run').length).toBe(Number(stdout) + 1);
    expect(await steps('run')).toEqual(Array.from({ length: 150 }, (_, at) => at));
  });
});

describe.skipIf(missing !== undefined).each(['worker', 'inline'] as const)('a trainer on the %s host', (host) => {
  const train = async (ending: string, cwd: string, training: TrainingPlace): Promise<string> => {
    const program = path.join(import.meta.dirname, '..', 'publisher', 'fixtures', 'ending.ts');
    const env = { ...process.env, ...training.env, TENSORBOARD__ENGINE: 'tfjs', NODE_OPTIONS: '' };
    const { stdout } = await run(process.execPath, [...NODE_FLAGS, program, ending], { cwd, env });
    return stdout;
  };

  it.each(['close', 'exit-at-once', 'natural', 'using'])(
    'has every record in its event file after %s',
    async (ending) => {
      const training = makeTrainingPlace(host);
      onTestFinished(training.remove);
      await train(ending, tfjsFolder, training);
      expect(training.eventSteps()).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    },
  );

  it('is told when it opens that there is no tfjs-node, and what to do', async () => {
    const training = makeTrainingPlace(host);
    onTestFinished(training.remove);
    await expect(train('close', training.root, training)).rejects.toThrow(
      /TENSORBOARD__ENGINE: @tensorflow\/tfjs-node cannot be loaded: Cannot find module .*; npm install @tensorflow\/tfjs-node, or set it to native/u,
    );
    expect(existsSync(path.join(training.root, 'runs', 'run-1', 'log'))).toBe(false);
  });
});
