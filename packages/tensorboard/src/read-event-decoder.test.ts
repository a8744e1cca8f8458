import { describe, expect, it } from 'vitest';
import { event, shapeField, summaryEvent, tensorValue } from '../test/event-bytes.ts';
import { booleanField, bytesField, doubleField, floatField, integerField, join } from './protobuf.ts';
import { EventDecoder } from './read-event-decoder.ts';
import type { TensorboardEvent } from './read-tensorboard-event.ts';
import { FOOTER_BYTES, HEADER_BYTES } from './tfrecord.ts';

const HEAD = { run: 'r', step: 2, wallTime: 1.5 };

/** What one decoder makes of framed events. */
function decode(...frames: readonly Uint8Array[]): readonly TensorboardEvent[] {
  const decoder = new EventDecoder('r');
  const events: TensorboardEvent[] = [];
  for (const bytes of frames) {
    const buffer = Buffer.from(bytes);
    decoder.open('f', buffer, new DataView(buffer.buffer, buffer.byteOffset, buffer.length));
    decoder.decode(HEADER_BYTES, bytes.length - FOOTER_BYTES, 7, events);
  }
  return events;
}

function field(key: number, form: number, ...bytes: readonly number[]): Uint8Array {
  return Uint8Array.of((key << 3) | form, ...bytes);
}

function packed(number: number, ...values: readonly number[]): Uint8Array {
  return bytesField(number, new Uint8Array(new Float64Array(values).buffer));
}

const FLOAT = integerField(1, 1);
const DOUBLE = integerField(1, 2);
const STRING = integerField(1, 7);
const scalarTensor = (...fields: readonly Uint8Array[]): Uint8Array =>
  summaryEvent(tensorValue('t', 'scalars', join(...fields)));

/** Any text. */
const DETAIL: unknown = expect.any(String);

function invalid(problem: string): object {
  return { kind: 'corrupt', run: 'r', file: 'f', offset: 7, problem, detail: DETAIL };
}

describe('events', () => {
  it('have a step and a time of zero where they do not say', () => {
    const value = bytesField(1, join(bytesField(1, 'a'), floatField(2, 3)));
    const bare = event().subarray(0, HEADER_BYTES);
    const data = join(bare, bytesField(5, value), new Uint8Array(FOOTER_BYTES));
    expect(decode(data)).toEqual([{ kind: 'scalar', run: 'r', tag: 'a', step: 0, wallTime: 0, value: 3 }]);
  });

  it('have their step wherever it stands, of all of 64 bits', () => {
    const scalar = bytesField(5, bytesField(1, join(bytesField(1, 'a'), floatField(2, 3))));
    const steps = (step: Uint8Array): unknown => {
      const [read] = decode(event(scalar, step));
      return read?.kind === 'scalar' ? [read.step, read.exactStep] : read;
    };
    expect(steps(integerField(2, 2 ** 53 - 1))).toEqual([2 ** 53 - 1, undefined]);
    expect(steps(integerField(2, -5))).toEqual([-5, undefined]);
    expect(steps(integerField(2, 2 ** 28))).toEqual([2 ** 28, undefined]);
    expect(steps(field(2, 0, 255, 255, 255, 255, 255, 255, 255, 255, 127))).toEqual([2 ** 63, 2n ** 63n - 1n]);
    expect(steps(field(2, 0, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1))).toEqual([-(2 ** 63), -(2n ** 63n)]);
    expect(
      decode(event(field(2, 0, 129, 128, 128, 128, 128, 128, 128, 16), bytesField(7, integerField(1, 1)))),
    ).toEqual([{ kind: 'session_log', ...HEAD, step: 2 ** 53, exactStep: 2n ** 53n + 1n, value: 'start' }]);
  });

  it('say what kind of session log they are', () => {
    const logs = [0, 1, 2, 3, 9].map((status) =>
      event(bytesField(7, join(bytesField(2, 'path'), integerField(1, status)))),
    );
    expect(decode(...logs).map((read) => (read.kind === 'session_log' ? read.value : ''))).toEqual([
      'unspecified',
      'start',
      'stop',
      'checkpoint',
      'unspecified',
    ]);
  });

  it('of other kinds come as they are', () => {
    expect(decode(event(bytesField(4, 'graph')))).toEqual([
      { kind: 'unknown', ...HEAD, plugin: '', form: 'graph_def', value: Uint8Array.from(Buffer.from('graph')) },
    ]);
    expect(decode(event(bytesField(10, 'source'), floatField(11, 1), integerField(12, 1), doubleField(13, 1)))).toEqual(
      [],
    );
  });

  it('that are not well-formed are reported', () => {
    const bad = [
      field(0, 0, 1),
      field(3, 3),
      field(3, 2, 5, 65),
      field(3, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1),
      field(1, 1, 0, 0),
      field(2, 0, 128),
      field(2, 0, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1),
      field(11, 5, 0),
      Uint8Array.of(255, 255, 255, 255, 255, 1),
    ];
    for (const fields of bad) expect(decode(event(fields))).toEqual([invalid('invalid-protobuf')]);
  });
});

describe('scalars', () => {
  it('of both layouts have the values they were given', () => {
    const bytes = (values: Float32Array | Float64Array): Uint8Array => bytesField(4, new Uint8Array(values.buffer));
    const read = decode(
      summaryEvent(join(bytesField(1, 's'), floatField(2, 0))),
      scalarTensor(FLOAT, integerField(3, 0), floatField(5, 0.5)),
      scalarTensor(FLOAT, shapeField(), bytesField(5, new Uint8Array(new Float32Array([0.25]).buffer))),
      scalarTensor(FLOAT, bytes(new Float32Array([0.75]))),
      scalarTensor(DOUBLE, doubleField(6, 0.1)),
      scalarTensor(DOUBLE, packed(6, 0.2)),
      scalarTensor(DOUBLE, bytes(new Float64Array([0.3]))),
    );
    expect(read.map((found) => (found.kind === 'scalar' ? found.value : found))).toEqual([
      0, 0.5, 0.25, 0.75, 0.1, 0.2, 0.3,
    ]);
  });

  it('are known by the data class of a plugin that is not', () => {
    const tensor = join(FLOAT, floatField(5, 0.5));
    expect(decode(summaryEvent(tensorValue('t', 'mine', tensor, 1)))).toMatchObject([{ kind: 'scalar', value: 0.5 }]);
    expect(decode(summaryEvent(tensorValue('t', 'mine', tensor)))).toMatchObject([
      { kind: 'unknown', tag: 't', plugin: 'mine', form: 'tensor', value: Uint8Array.from(tensor) },
    ]);
  });

  it('have the metadata that came first in the run', () => {
    const described = (text: string, plugin: string): Uint8Array =>
      summaryEvent(
        join(
          bytesField(1, 't'),
          bytesField(8, join(FLOAT, floatField(5, 1))),
          bytesField(
            9,
            join(
              bytesField(1, join(bytesField(1, plugin), integerField(3, 1))),
              bytesField(2, 'name'),
              bytesField(3, text),
            ),
          ),
        ),
      );
    const bare = summaryEvent(join(bytesField(1, 't'), bytesField(8, join(FLOAT, floatField(5, 1)))));
    const read = decode(described('first', 'scalars'), described('second', 'text'), bare);
    expect(read).toEqual(
      Array.from({ length: 3 }, () => ({ kind: 'scalar', ...HEAD, tag: 't', value: 1, description: 'first' })),
    );
    expect(decode(bare)).toMatchObject([{ kind: 'unknown', plugin: '' }]);
  });

  it('of no value, of several, or of a shape are unknown', () => {
    const kinds = decode(
      scalarTensor(FLOAT),
      scalarTensor(FLOAT, floatField(5, 1), floatField(5, 2)),
      scalarTensor(FLOAT, shapeField(1), floatField(5, 1)),
      scalarTensor(integerField(1, 3), bytesField(4, new Uint8Array(4))),
      scalarTensor(FLOAT, bytesField(4, new Uint8Array(7))),
      summaryEvent(bytesField(1, 'nothing')),
      summaryEvent(join(bytesField(1, 'sound'), bytesField(6, 'RIFF'), integerField(12, 1))),
    ).map((read) => (read.kind === 'unknown' ? [read.tag, read.form] : read.kind));
    expect(kinds).toEqual([
      ...Array.from({ length: 5 }, () => ['t', 'tensor']),
      ['nothing', 'none'],
      ['sound', 'audio'],
    ]);
  });

  it('are found in a summary beside what a later version added', () => {
    const value = bytesField(1, join(bytesField(1, 'a'), floatField(2, 1)));
    expect(decode(event(bytesField(5, join(integerField(2, 1), value, bytesField(3, 'new')))))).toMatchObject([
      { tag: 'a' },
    ]);
  });

  it('have tags of any length, and many of them', () => {
    const tags = [...Array.from({ length: 5000 }, (_, index) => `tag ${index}`), 'long'.repeat(1000), 'tag 1', 'tag 1'];
    const read = decode(...tags.map((tag) => summaryEvent(join(bytesField(1, tag), floatField(2, 1)))));
    expect(read.map((found) => (found.kind === 'scalar' ? found.tag : ''))).toEqual(tags);
  });

  it('are told apart where their tags have one hash', () => {
    // In pairs they have one 32-bit FNV-1a hash.
    const tags = ['costarring', 'liquid', 'declinate', 'macallums', 'declinate', 'costarring'];
    const read = decode(...tags.map((tag) => summaryEvent(join(bytesField(1, tag), floatField(2, 1)))));
    expect(read.map((found) => (found.kind === 'scalar' ? found.tag : ''))).toEqual(tags);
  });
});

describe('histograms', () => {
  const histogram = (...fields: readonly Uint8Array[]): readonly TensorboardEvent[] =>
    decode(summaryEvent(tensorValue('h', 'histograms', join(DOUBLE, ...fields))));

  it('have their buckets', () => {
    expect(histogram(shapeField(2, 3), packed(6, 0, 1, 5, 1, 2, 6))).toEqual([
      {
        kind: 'histogram',
        ...HEAD,
        tag: 'h',
        value: [
          [0, 1, 5],
          [1, 2, 6],
        ],
      },
    ]);
    expect(histogram(shapeField(0, 3))).toMatchObject([{ value: [] }]);
  });

  it('whose values do not fill their shape are unknown, however much it claims', () => {
    for (const shape of [shapeField(2, 3), shapeField(2 ** 40, 3), shapeField(-1, 3), shapeField(1, 2), shapeField(3)])
      expect(histogram(shape, packed(6, 0, 1, 5))).toMatchObject([{ kind: 'unknown' }]);
    expect(
      histogram(bytesField(2, join(integerField(3, 1), bytesField(2, bytesField(2, 'name')))), packed(6, 0)),
    ).toMatchObject([{ kind: 'unknown' }]);
  });

  it('of the legacy layout have the edges of their data', () => {
    const legacy = (...fields: readonly Uint8Array[]): unknown => {
      const [read] = decode(summaryEvent(join(bytesField(1, 'h'), bytesField(5, join(...fields)))));
      return read?.kind === 'histogram' ? read.value : read;
    };
    const ends = [
      doubleField(1, -0.5),
      doubleField(2, 2.5),
      doubleField(3, 7),
      field(6, 0, 1),
      field(7, 5, 0, 0, 0, 0),
    ];
    expect(legacy(...ends, packed(6, -1, 0, 1, 2, 3, 4), packed(7, 0, 1, 0, 0, 6, 0))).toEqual([
      [-0.5, 0, 1],
      [0, 1, 0],
      [1, 2, 0],
      [2, 2.5, 6],
    ]);
    expect(legacy(...ends, doubleField(6, 9), doubleField(7, 4))).toEqual([[-0.5, 2.5, 4]]);
    expect(legacy(...ends, packed(6, 1, 2), packed(7, 3))).toEqual([[-0.5, 2.5, 3]]);
    expect(legacy(...ends, packed(6, 1, 2), packed(7, 0, 0))).toEqual([]);
    expect(legacy(packed(6, 1, 2), packed(7, 0, 2))).toEqual([[0, 0, 2]]);
  });
});

describe('text and images', () => {
  it('have their strings and shapes', () => {
    const text = (...fields: readonly Uint8Array[]): Uint8Array =>
      summaryEvent(tensorValue('t', 'text', join(...fields)));
    const read = decode(
      text(STRING, bytesField(8, 'one')),
      text(STRING, shapeField(2), bytesField(8, 'ä'), bytesField(8, '')),
      text(STRING, shapeField(3), bytesField(8, 'one')),
      text(FLOAT, floatField(5, 1)),
    );
    expect(read).toMatchObject([
      { kind: 'text', value: ['one'], shape: [] },
      { kind: 'text', value: ['ä', ''], shape: [2] },
      { kind: 'unknown' },
      { kind: 'unknown' },
    ]);
    expect(decode(text(STRING, bytesField(8, Uint8Array.of(0xc0))))).toEqual([invalid('invalid-utf8')]);
  });

  it('have their size and files, in both layouts', () => {
    const image = (...strings: readonly string[]): Uint8Array =>
      summaryEvent(tensorValue('i', 'images', join(STRING, ...strings.map((string) => bytesField(8, string)))));
    const legacy = join(integerField(1, 4), integerField(2, 5), integerField(3, 3), bytesField(4, 'file'));
    const file = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
    expect(
      decode(
        image('2', '3', 'one', 'two'),
        image('?', '99999999999'),
        image('2'),
        summaryEvent(join(bytesField(1, 'i'), bytesField(4, legacy))),
      ),
    ).toMatchObject([
      { kind: 'image', width: 2, height: 3, value: [file('one'), file('two')] },
      { kind: 'image', width: 0, height: 0, value: [] },
      { kind: 'unknown' },
      { kind: 'image', width: 5, height: 4, value: [file('file')] },
    ]);
    expect(
      decode(summaryEvent(tensorValue('i', 'images', join(FLOAT, bytesField(8, '1'), bytesField(8, '2'))))),
    ).toMatchObject([{ kind: 'unknown' }]);
  });
});

describe('hyperparameters', () => {
  const hparams = (content: Uint8Array): readonly TensorboardEvent[] =>
    decode(summaryEvent(tensorValue('_hparams_/x', 'hparams', FLOAT, 2, content)));
  const entry = (name: string, ...value: readonly Uint8Array[]): Uint8Array =>
    bytesField(1, join(bytesField(1, name), bytesField(2, join(...value)), integerField(3, 1)));

  it('have every kind of value, and any name', () => {
    const start = join(
      entry('lr', doubleField(2, 0.5)),
      entry('model', bytesField(3, 'ä')),
      entry('on', booleanField(4, true)),
      entry('off', booleanField(4, false)),
      entry('none', integerField(1, 0)),
      entry('list', bytesField(6, '')),
      entry('__proto__', doubleField(2, 1)),
      bytesField(2, 'model uri'),
      bytesField(3, 'monitor'),
      bytesField(4, 'group'),
      doubleField(5, 9.5),
      floatField(6, 1),
    );
    const [read] = hparams(join(integerField(1, 0), bytesField(3, start)));
    expect(read).toEqual({
      kind: 'hparams_session_start',
      ...HEAD,
      tag: '_hparams_/x',
      value: {
        hparams: Object.fromEntries<unknown>([
          ['lr', 0.5],
          ['model', 'ä'],
          ['on', true],
          ['off', false],
          ['none', null],
          ['__proto__', 1],
        ]),
        groupName: 'group',
        modelUri: 'model uri',
        monitorUrl: 'monitor',
        startTime: 9.5,
      },
    });
  });

  it('end with a status', () => {
    const statuses = [0, 1, 2, 3, 9].map((status) =>
      hparams(bytesField(4, join(integerField(1, status), doubleField(2, 4)))),
    );
    expect(statuses.flat().map((read) => (read.kind === 'hparams_session_end' ? read.value : read))).toEqual(
      ['unknown', 'success', 'failure', 'running', 'unknown'].map((status) => ({ status, endTime: 4 })),
    );
  });

  it('end without a word', () => {
    expect(hparams(bytesField(4, ''))).toMatchObject([{ value: { status: 'unknown', endTime: 0 } }]);
  });

  it('have columns', () => {
    const info = join(
      bytesField(1, 'lr'),
      bytesField(2, 'rate'),
      bytesField(3, 'what'),
      integerField(4, 3),
      bytesField(6, Uint8Array.of(255)),
    );
    const metric = join(
      bytesField(1, join(bytesField(1, 'g'), bytesField(2, 't'))),
      bytesField(3, 'loss'),
      bytesField(4, 'd'),
    );
    const experiment = join(
      bytesField(1, 'm'),
      bytesField(2, 'u'),
      doubleField(3, 1),
      bytesField(4, info),
      bytesField(4, integerField(4, 9)),
      bytesField(5, metric),
      bytesField(6, 'n'),
    );
    expect(hparams(bytesField(2, experiment))).toMatchObject([
      {
        kind: 'hparams_experiment',
        value: {
          name: 'n',
          user: 'u',
          markdown: 'm',
          timeCreated: 1,
          hparams: [
            { name: 'lr', displayName: 'rate', description: 'what', type: 'float64' },
            { name: '', type: 'unset' },
          ],
          metrics: [{ group: 'g', tag: 't', displayName: 'loss', description: 'd' }],
        },
      },
    ]);
  });

  it('that say nothing known are unknown, and what is no protobuf is reported', () => {
    expect(hparams(integerField(1, 3))).toMatchObject([{ kind: 'unknown', plugin: 'hparams' }]);
    expect(hparams(Uint8Array.of(0x1a, 9))).toEqual([invalid('invalid-protobuf')]);
    expect(hparams(bytesField(3, bytesField(4, Uint8Array.of(255))))).toEqual([invalid('invalid-utf8')]);
  });
});
