import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBlobStore, nullBlobStore } from './blob-store.ts';
import { runDirectory, type RunDirectory } from './run-directory.ts';

let place = '';
let directory: RunDirectory;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-blobs-'));
  directory = runDirectory(place, 'run-1');
});

afterEach(() => rmSync(place, { recursive: true }));

function stored(blob: string): string {
  return readFileSync(join(directory.path, blob), 'utf8');
}

describe('content', () => {
  it('has the name of its hash, and is kept once', () => {
    const bytes = Buffer.from('picture');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const first = createBlobStore(directory, 'w1').put(bytes, 'png');
    expect(first).toEqual({ blob: `blobs/${sha256.slice(0, 2)}/${sha256}.png`, bytes: 7, sha256 });
    expect(stored(first.blob)).toBe('picture');
    const { ino } = statSync(join(directory.path, first.blob));
    expect(createBlobStore(directory, 'w2').put(bytes, 'png')).toEqual(first);
    expect(statSync(join(directory.path, first.blob)).ino).toBe(ino);
    expect(readdirSync(join(directory.blobDirectory, sha256.slice(0, 2)))).toEqual([`${sha256}.png`]);
  });
});

describe('copies', () => {
  it('are files as they were, apart from each other and from those of other writers', () => {
    const path = join(place, 'model.bin');
    const [one, other] = [createBlobStore(directory, 'w1'), createBlobStore(directory, 'w2')];
    writeFileSync(path, 'epoch 1');
    const blobs = [one.copy(path), other.copy(path)];
    writeFileSync(path, 'epoch 2!');
    blobs.push(one.copy(path));
    expect(blobs).toEqual([
      { blob: 'blobs/files/w1-0/model.bin', bytes: 7 },
      { blob: 'blobs/files/w2-0/model.bin', bytes: 7 },
      { blob: 'blobs/files/w1-1/model.bin', bytes: 8 },
    ]);
    expect(blobs.map(({ blob }) => stored(blob))).toEqual(['epoch 1', 'epoch 1', 'epoch 2!']);
  });

  it('leave nothing behind where they fail', () => {
    const path = join(place, 'model.bin');
    writeFileSync(path, 'weights');
    const store = createBlobStore(directory, 'w1');
    // A folder has the name that the copy was to have.
    mkdirSync(join(directory.blobDirectory, 'files', 'w1-0', 'model.bin'), { recursive: true });
    expect(() => store.copy(path)).toThrow(/EISDIR|EEXIST/u);
    expect(readdirSync(join(directory.blobDirectory, 'files'))).toEqual([]);
    expect(store.copy(path).blob).toBe('blobs/files/w1-1/model.bin');
  });
});

describe.each([
  ['a store', () => createBlobStore(directory, 'w1')],
  ['a store that keeps nothing', () => nullBlobStore],
])('%s', (_, create) => {
  it('reads regular files only, since others may never end', () => {
    const store = create();
    for (const path of [place, '/dev/zero']) {
      expect(() => store.read(path)).toThrow(`${path} is not a regular file`);
      expect(() => store.copy(path)).toThrow(`${path} is not a regular file`);
    }
    expect(() => store.copy(join(place, 'none'))).toThrow('ENOENT');
    expect(existsSync(directory.blobDirectory)).toBe(false);
    writeFileSync(join(place, 'file'), 'content');
    expect(Buffer.from(store.read(join(place, 'file'))).toString()).toBe('content');
  });
});

it('says how large things are where nothing is kept', () => {
  writeFileSync(join(place, 'file'), 'content');
  expect(nullBlobStore.put(new Uint8Array(5), 'png')).toEqual({ blob: '', bytes: 5, sha256: '' });
  expect(nullBlobStore.copy(join(place, 'file'))).toEqual({ blob: '', bytes: 7 });
  expect(readdirSync(place)).toEqual(['file']);
});
