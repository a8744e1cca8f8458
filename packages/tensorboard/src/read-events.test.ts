import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { event, frame, header, summaryEvent } from '../test/event-bytes.ts';
import { bytesField, floatField, join } from './protobuf.ts';
import { readEventBatches, readEvents, type ReadEventsOptions } from './read-events.ts';
import type { TensorboardEvent } from './read-tensorboard-event.ts';
import { openSummaryWriter } from './summary-writer.ts';

const place = mkdtempSync(path.join(tmpdir(), 'runcast-read-events-'));
const file = path.join(place, 'case', 'events.out.tfevents.1');

beforeEach(() => {
  rmSync(path.dirname(file), { recursive: true, force: true });
  mkdirSync(path.dirname(file));
});
afterAll(() => rmSync(place, { recursive: true }));

async function collected(from: string, options: ReadEventsOptions = {}): Promise<readonly TensorboardEvent[]> {
  const events: TensorboardEvent[] = [];
  for await (const read of readEvents(from, options)) events.push(read);
  return events;
}

function scalar(tag: string, value: number): Uint8Array {
  return summaryEvent(join(bytesField(1, tag), floatField(2, value)));
}

/** `tag=value` of scalars, `problem@offset` of what is corrupt, the kind of anything else. */
function brief(events: readonly TensorboardEvent[]): readonly string[] {
  return events.map((read) => {
    if (read.kind === 'scalar') return `${read.tag}=${read.value}`;
    return read.kind === 'corrupt' ? `${read.problem}@${read.offset}` : read.kind;
  });
}

async function readBytes(...parts: readonly Uint8Array[]): Promise<readonly string[]> {
  writeFileSync(file, join(...parts));
  return brief(await collected(file));
}

const A = scalar('a', 1);
const B = scalar('b', 2);

describe('files and runs', () => {
  it('reads what the summary writer wrote', async () => {
    const writer = openSummaryWriter(path.dirname(file), { now: () => 1_795_238_781_250, host: 'h', pid: 1 });
    writer.addScalar('train/loss', 0.1, 3);
    writer.addText('notes', 'some *text*', 4);
    writer.addHistogram('weights', [0, 1, 2, 4], 5, 2);
    writer.addHparams({ lr: 0.25, model: 'bigram', shuffle: false }, { final: 2 });
    writer.close();
    const head = { run: '.', wallTime: 1_795_238_781.25 };
    expect(await collected(path.dirname(file))).toMatchObject([
      { ...head, kind: 'file_version', value: 'brain.Event:2' },
      { ...head, kind: 'session_log', value: 'start' },
      { ...head, kind: 'scalar', tag: 'train/loss', step: 3, value: Math.fround(0.1) },
      { ...head, kind: 'text', tag: 'notes', step: 4, value: ['some *text*'], shape: [] },
      {
        ...head,
        kind: 'histogram',
        tag: 'weights',
        step: 5,
        value: [
          [0, 2, 2],
          [2, 4, 2],
        ],
      },
      { ...head, kind: 'hparams_session_start', value: { hparams: { lr: 0.25, model: 'bigram', shuffle: false } } },
      { ...head, kind: 'scalar', tag: 'final', value: 2 },
      { ...head, kind: 'hparams_session_end', value: { status: 'success' } },
    ]);
  });

  it('goes through directories by run, and through the files of a run by name', async () => {
    const root = path.dirname(file);
    mkdirSync(path.join(root, 'b', 'deep'), { recursive: true });
    mkdirSync(path.join(root, 'a'));
    writeFileSync(path.join(root, 'b', 'deep', 'x.tfevents.2'), scalar('deep', 1));
    writeFileSync(path.join(root, 'b', 'x.tfevents.2'), scalar('second', 1));
    writeFileSync(path.join(root, 'b', 'x.tfevents.1'), scalar('first', 1));
    writeFileSync(path.join(root, 'b', 'events.other'), scalar('other', 1));
    writeFileSync(path.join(root, 'a', '.tfevents'), scalar('hidden', 1));
    writeFileSync(path.join(root, 'tfevents'), scalar('top', 1));
    const events = await collected(root);
    expect(events.map((read) => `${read.run} ${brief([read]).join('')}`)).toEqual([
      '. top=1',
      'a hidden=1',
      'b first=1',
      'b second=1',
      'b/deep deep=1',
    ]);
  });

  it('sorts runs and files, however the directory lists them', async () => {
    const names = ['c', 'a', 'e', 'b', 'd'];
    for (const run of names) {
      mkdirSync(path.join(path.dirname(file), run));
      for (const name of names) writeFileSync(path.join(path.dirname(file), run, `${name}.tfevents`), scalar(name, 1));
    }
    const events = await collected(path.dirname(file));
    const sorted = names.toSorted();
    expect(events.map((read) => `${read.run}/${brief([read]).join('')}`)).toEqual(
      sorted.flatMap((run) => sorted.map((name) => `${run}/${name}=1`)),
    );
  });

  it('follows links, but not into a directory that they lie in, nor to nowhere', async () => {
    const root = path.dirname(file);
    mkdirSync(path.join(root, 'run'));
    writeFileSync(path.join(root, 'run', 'tfevents'), A);
    symlinkSync('run', path.join(root, 'same'));
    symlinkSync('..', path.join(root, 'run', 'loop'));
    symlinkSync('nowhere', path.join(root, 'tfevents'));
    const events = await collected(root);
    expect(events.map(({ run }) => run)).toEqual(['run', 'same']);
  });

  it('rejects what does not exist or is neither a file nor a directory', async () => {
    await expect(collected(path.join(place, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(collected('/dev/null')).rejects.toThrow(TypeError);
    const iterator = readEvents(path.join(place, 'missing'));
    await expect(iterator.next()).rejects.toThrow('ENOENT');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('reports what may not be read, and reads the rest', async () => {
    const root = path.dirname(file);
    const closed = path.join(root, 'closed');
    writeFileSync(file, A);
    mkdirSync(closed);
    writeFileSync(path.join(root, 'zz.tfevents'), B, { mode: 0o000 });
    for (const [folder, mode] of [
      [place, 0o755],
      [root, 0o755],
      [closed, 0o000],
    ] as const)
      chmodSync(folder, mode);
    const isSuperuser = process.geteuid?.() === 0;
    // Who may read everything takes the place of somebody who may not.
    if (isSuperuser) process.seteuid?.(65_534);
    try {
      expect(brief(await collected(root))).toEqual(['unreadable@0', 'a=1', 'unreadable@0']);
    } finally {
      if (isSuperuser) process.seteuid?.(0);
      chmodSync(closed, 0o700);
    }
  });

  it('reports a file that is gone when its turn comes', async () => {
    writeFileSync(file, A);
    writeFileSync(`${file}.2`, B);
    const seen: TensorboardEvent[] = [];
    for await (const batch of readEventBatches(path.dirname(file))) {
      seen.push(...batch);
      rmSync(`${file}.2`, { force: true });
    }
    expect(seen.map((read) => (read.kind === 'corrupt' ? [read.problem, read.file] : read.kind))).toEqual([
      'scalar',
      ['unreadable', `${file}.2`],
    ]);
  });

  it('has all events of a file that is larger than a piece, and of a record that is', async () => {
    const count = 20_000;
    writeFileSync(
      file,
      join(...Array.from({ length: count }, (_, at) => scalar('a', at)), scalar('x'.repeat(400_000), 1), B),
    );
    const events = await collected(file);
    expect(events.length).toBe(count + 2);
    expect(events.slice(0, count).every((read, at) => read.kind === 'scalar' && read.value === at)).toBe(true);
    expect(brief(events.slice(-1))).toEqual(['b=2']);
  });

  it('gives events in order to calls that do not wait, and nothing after a return', async () => {
    writeFileSync(file, join(A, B));
    const iterator = readEvents(file);
    const results = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    expect(results.map(({ value }) => (value === undefined ? 'end' : brief([value]).join('')))).toEqual([
      'a=1',
      'b=2',
      'end',
      'end',
    ]);
    const cut = readEvents(file);
    const pending = cut.next();
    expect(await cut.return?.()).toEqual({ done: true, value: undefined });
    expect(await pending).toEqual({ done: true, value: undefined });
    for await (const read of readEvents(file)) {
      expect(brief([read])).toEqual(['a=1']);
      break;
    }
  });

  it('says how far it is', async () => {
    writeFileSync(file, join(A, B));
    writeFileSync(`${file}.2`, A);
    const seen: (readonly number[])[] = [];
    const onProgress = (...bytes: readonly number[]): void => {
      seen.push(bytes);
      rmSync(`${file}.2`, { force: true });
    };
    await collected(path.dirname(file), { onProgress });
    const total = A.length * 2 + B.length;
    expect(seen).toEqual([
      [A.length + B.length, total],
      [A.length + B.length, total],
    ]);
  });

  it('stops for a signal, without an error', async () => {
    writeFileSync(file, join(A, B));
    expect(await collected(file, { signal: AbortSignal.abort() })).toEqual([]);
    writeFileSync(`${file}.2`, A);
    const controller = new AbortController();
    const seen: TensorboardEvent[] = [];
    for await (const batch of readEventBatches(path.dirname(file), { signal: controller.signal })) {
      seen.push(...batch);
      controller.abort();
    }
    expect(brief(seen)).toEqual(['a=1', 'b=2']);
  });
});

describe('damage', () => {
  it('leaves out a record of wrong data, and goes on', async () => {
    const wrong = Uint8Array.from(B, (byte, at) => (at === B.length - 6 ? byte ^ 1 : byte));
    expect(await readBytes(A, wrong, A)).toEqual(['a=1', `data-checksum@${A.length}`, 'a=1']);
  });

  it('gives a file up at a wrong length, and goes on with the next', async () => {
    const wrong = Uint8Array.from(B, (byte, at) => (at === 1 ? 9 : byte));
    writeFileSync(`${file}.2`, A);
    writeFileSync(file, join(A, wrong, A));
    expect(brief(await collected(path.dirname(file)))).toEqual(['a=1', `length-checksum@${A.length}`, 'a=1']);
  });

  it('tells zeros from other ends', async () => {
    expect(await readBytes(A, new Uint8Array(4096))).toEqual(['a=1', `zero-tail@${A.length}`]);
    expect(await readBytes(A, new Uint8Array(5))).toEqual(['a=1', `zero-tail@${A.length}`]);
    expect(await readBytes(A, B.subarray(0, 5))).toEqual(['a=1', `truncated@${A.length}`]);
    expect(await readBytes(A, B.subarray(0, -1))).toEqual(['a=1', `truncated@${A.length}`]);
    expect(await readBytes(A, B.subarray(0, 12))).toEqual(['a=1', `truncated@${A.length}`]);
    expect(await readBytes()).toEqual([]);
  });

  it('does not make room for a record that is not there', async () => {
    const before = process.memoryUsage().arrayBuffers;
    expect(await readBytes(A, header(2n ** 31n))).toEqual(['a=1', `gigantic-length@${A.length}`]);
    expect(await readBytes(A, header(2n ** 64n - 1n))).toEqual(['a=1', `gigantic-length@${A.length}`]);
    expect(await readBytes(A, header(2n ** 31n - 1n), B)).toEqual(['a=1', `truncated@${A.length}`]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  });

  it('leaves out a record that is no protobuf, and goes on', async () => {
    expect(await readBytes(A, frame(Uint8Array.of(0x09, 1)), A)).toEqual([
      'a=1',
      `invalid-protobuf@${A.length}`,
      'a=1',
    ]);
    const half = event(
      bytesField(5, join(bytesField(1, join(bytesField(1, 'x'), floatField(2, 1))), Uint8Array.of(0x0a))),
    );
    expect(await readBytes(half, A)).toEqual(['invalid-protobuf@0', 'a=1']);
  });

  it('leaves out a value whose text is not UTF-8, and keeps those beside it', async () => {
    const broken = join(bytesField(1, Uint8Array.of(0xff)), floatField(2, 1));
    const good = join(bytesField(1, 'good'), floatField(2, 1));
    expect(await readBytes(summaryEvent(good, broken, good))).toEqual(['good=1', 'invalid-utf8@0', 'good=1']);
    expect(await readBytes(event(bytesField(3, Uint8Array.of(0xff))), A)).toEqual(['invalid-utf8@0', 'a=1']);
  });

  it('passes over empty records', async () => {
    expect(await readBytes(frame(new Uint8Array()), A)).toEqual(['a=1']);
  });
});

describe('any bytes', () => {
  const whole = ((): Buffer => {
    const folder = path.join(place, 'whole');
    const writer = openSummaryWriter(folder, { now: () => 1e12, host: 'h', pid: 1 });
    for (const step of [1, 2, 3]) {
      writer.addScalars('group', { a: step, b: -step }, step);
      writer.addText('text', 'häns', step);
      writer.addHistogram('histogram', [1, 2, 3], step, 3);
    }
    writer.addHparams({ lr: 1, model: 'm' }, { loss: 1 });
    writer.close();
    return readFileSync(path.join(folder, 'events.out.tfevents.1000000000.h.1.0'));
  })();

  async function eventsOf(bytes: Uint8Array): Promise<readonly TensorboardEvent[]> {
    writeFileSync(file, bytes);
    return collected(file);
  }

  const sound = (events: readonly TensorboardEvent[]): readonly TensorboardEvent[] =>
    events.filter(({ kind }) => kind !== 'corrupt');

  it('are read up to a truncation, which is reported', async () => {
    const all = await eventsOf(whole);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), async (length) => {
        const events = await eventsOf(whole.subarray(0, length));
        expect(sound(events)).toEqual(all.slice(0, sound(events).length));
        expect(events.slice(sound(events).length).map((read) => (read.kind === 'corrupt' ? read.problem : ''))).toEqual(
          events.length > sound(events).length ? ['truncated'] : [],
        );
      }),
    );
  });

  it('are read around any damaged bit, and only its record is lost where the framing holds', async () => {
    const all = await eventsOf(whole);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (bit) => {
        const bytes = Buffer.from(whole);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const events = await eventsOf(bytes);
        const corrupt = events.filter((read) => read.kind === 'corrupt');
        expect(corrupt.length).toBe(1);
        expect(all).toEqual(expect.arrayContaining([...sound(events)]));
        const isFramed = corrupt[0]?.problem === 'data-checksum';
        // No record has more than two values.
        expect(sound(events).length).toBeGreaterThanOrEqual(isFramed ? all.length - 2 : 0);
      }),
    );
  });

  it('are read up to a tail of zeros, which is reported', async () => {
    const all = await eventsOf(whole);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 600_000 }), async (zeros) => {
        const events = await eventsOf(Buffer.concat([whole, Buffer.alloc(zeros)]));
        expect(events.slice(0, -1)).toEqual(all);
        expect(brief(events.slice(-1))).toEqual([`zero-tail@${whole.length}`]);
      }),
      { numRuns: 20 },
    );
  });

  it('never make the reader believe a length', async () => {
    const before = process.memoryUsage().arrayBuffers;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(2 ** 31).map(BigInt), fc.nat(600_000).map(BigInt)),
        fc.uint8Array({ maxLength: 200 }),
        async (length, rest) => {
          const [first, ...others] = brief(await eventsOf(join(A, header(length), rest)));
          expect(first).toBe('a=1');
          expect(others.every((read) => /^[a-z0-9]+(?:-[a-z0-9]+)*@\d+$/u.test(read))).toBe(true);
          expect(others).not.toEqual([]);
        },
      ),
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  });

  it('never crash the reader, framed or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 80 })), { maxLength: 8 }),
        async (parts) => {
          const events = await eventsOf(join(...parts.map(([framed, bytes]) => (framed ? frame(bytes) : bytes))));
          expect(Array.isArray(events)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never crash the reader where a good event is damaged under a good checksum', async () => {
    const summary = whole.subarray(whole.indexOf('group/a') - 20, whole.indexOf('group/a') + 400);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(419), fc.nat(255)), { maxLength: 4 }),
        fc.nat(419),
        async (changes, length) => {
          const data = Buffer.from(summary.subarray(0, length));
          for (const [at, byte] of changes) if (at < data.length) data[at] = byte;
          const events = await eventsOf(join(A, frame(data), event(bytesField(5, data)), summaryEvent(data), B));
          expect(brief(events).at(0)).toBe('a=1');
          expect(brief(events).at(-1)).toBe('b=2');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('following', () => {
  /** Does the steps one after the other, each when everything there was has been read; ends after the last. */
  async function followed(from: string, ...steps: readonly (() => void)[]): Promise<readonly TensorboardEvent[]> {
    const controller = new AbortController();
    const rest = [...steps];
    return collected(from, {
      follow: true,
      signal: controller.signal,
      wait: () => {
        const step = rest.shift();
        if (step === undefined) controller.abort();
        else step();
        return Promise.resolve();
      },
    });
  }

  it('goes on with a growing file, torn records and new files', async () => {
    const root = path.dirname(file);
    const events = await followed(
      root,
      () => writeFileSync(file, join(A, B.subarray(0, 7))),
      () => appendFileSync(file, B.subarray(7, 30)),
      () => appendFileSync(file, B.subarray(30)),
      () => undefined,
      () => {
        mkdirSync(path.join(root, 'later'));
        writeFileSync(path.join(root, 'later', 'tfevents'), A);
      },
      () => appendFileSync(file, A),
    );
    expect(events.map((read) => `${read.run} ${brief([read]).join('')}`)).toEqual([
      '. a=1',
      '. b=2',
      'later a=1',
      '. a=1',
    ]);
  });

  it('waits for a place that does not exist yet, for a large record and for a file that was cut', async () => {
    const root = path.join(path.dirname(file), 'later');
    const late = path.join(root, 'tfevents');
    const large = scalar('x'.repeat(300_000), 3);
    const events = await followed(
      root,
      () => mkdirSync(root),
      () => writeFileSync(late, join(A, B, large.subarray(0, 290_000))),
      () => truncateSync(late, A.length),
      () => appendFileSync(late, join(B, large.subarray(0, 299_000))),
      () => appendFileSync(late, large.subarray(299_000)),
      () => appendFileSync(late, A),
    );
    expect(brief(events).map((text) => text.slice(0, 3))).toEqual(['a=1', 'b=2', 'xxx', 'a=1']);
  });

  it('says once what cannot be read', async () => {
    writeFileSync(file, join(A, new Uint8Array(20)));
    const gone = path.join(path.dirname(file), 'gone.tfevents');
    writeFileSync(gone, A);
    const events = await followed(
      path.dirname(file),
      () => appendFileSync(file, B),
      () => renameSync(gone, `${gone}.moved`),
      () => undefined,
    );
    expect(brief(events)).toEqual(['a=1', `zero-tail@${A.length}`, 'a=1', 'a=1']);
    await expect(followed('/dev/null')).rejects.toThrow(TypeError);
  });

  it('polls by itself, until it is told to stop', async () => {
    writeFileSync(file, A);
    const controller = new AbortController();
    const seen: TensorboardEvent[] = [];
    for await (const read of readEvents(file, { follow: true, signal: controller.signal })) {
      seen.push(read);
      if (seen.length === 1) appendFileSync(file, B);
      else controller.abort();
    }
    expect(brief(seen)).toEqual(['a=1', 'b=2']);
    for await (const read of readEvents(file, { follow: true })) {
      seen.push(read);
      if (seen.length === 4) appendFileSync(file, A);
      if (seen.length === 5) break;
    }
    expect(brief(seen.slice(2))).toEqual(['a=1', 'b=2', 'a=1']);
  });

  it('stops at once while it waits', async () => {
    const controller = new AbortController();
    const pending = readEvents(file, { follow: true, signal: controller.signal }).next();
    // The place is looked for first.
    setImmediate(() => controller.abort());
    expect(await pending).toEqual({ done: true, value: undefined });
  });
});
