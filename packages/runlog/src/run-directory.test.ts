import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { RunOpenError, type ResumeMode } from '@runcast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  discardRunDirectory,
  hasLogs,
  listRuns,
  prepareRunDirectory,
  readManifest,
  runDirectory,
  updateManifest,
  writeWhole,
  type PreparedRun,
  type RunManifest,
} from './run-directory.ts';

let dir = '';

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'runcast-runs-')), 'runs');
});

afterEach(() => rmSync(join(dir, '..'), { recursive: true }));

function manifest(run: string): RunManifest {
  return { v: 1, run, created: 1_795_238_781, sinks: ['jsonl'], settled: false };
}

function prepare(runId: string, resume: ResumeMode = 'never', joining = false): PreparedRun {
  return prepareRunDirectory(dir, runId, resume, () => joining, manifest(runId));
}

describe('a new run', () => {
  it('gets a directory with a manifest and a place for everything', () => {
    const { directory, created, resumed } = prepare('run-1');
    expect([created, resumed]).toEqual([true, false]);
    expect(directory).toEqual(runDirectory(dir, 'run-1'));
    expect(directory).toEqual({
      runId: 'run-1',
      path: join(dir, 'run-1'),
      manifestFile: join(dir, 'run-1', 'run.json'),
      logDirectory: join(dir, 'run-1', 'log'),
      blobDirectory: join(dir, 'run-1', 'blobs'),
      cursorDirectory: join(dir, 'run-1', 'cursors'),
      deadLetterDirectory: join(dir, 'run-1', 'dead-letters'),
      leaseFile: join(dir, 'run-1', 'lease.db'),
      contextFile: join(dir, 'run-1', 'context.json'),
    });
    expect(readdirSync(directory.path).toSorted()).toEqual(['blobs', 'cursors', 'log', 'run.json']);
    expect(readManifest(directory)).toEqual(manifest('run-1'));
  });

  it('has absolute paths, wherever the process goes', () => {
    expect(runDirectory(relative('.', dir), 'run-1').path).toBe(join(dir, 'run-1'));
  });

  it('may be taken back whole', () => {
    const { directory } = prepare('run-1');
    writeFileSync(join(directory.logDirectory, 'w.jsonl'), 'line\n');
    discardRunDirectory(directory);
    expect(readdirSync(dir)).toEqual([]);
    discardRunDirectory(directory);
  });

  it('has logs as soon as somebody has made one', () => {
    const { directory } = prepare('run-1');
    expect(hasLogs(directory)).toBe(false);
    writeFileSync(join(directory.logDirectory, 'w1.jsonl'), '');
    expect(hasLogs(directory)).toBe(true);
    discardRunDirectory(directory);
    expect(hasLogs(directory)).toBe(false);
  });

  it('does not own a directory that was there before', () => {
    mkdirSync(join(dir, 'run-1'), { recursive: true });
    writeFileSync(join(dir, 'run-1', 'thesis.txt'), 'not ours');
    expect(prepare('run-1')).toMatchObject({ created: false, resumed: false });
    expect(readManifest(runDirectory(dir, 'run-1'))).toEqual(manifest('run-1'));
  });
});

describe('a run that exists', () => {
  it.each<readonly [ResumeMode, boolean]>([
    ['allow', false],
    ['must', false],
    ['never', true],
  ])('is gone on with where resume is %s and joining %s', (resume, joining) => {
    prepare('run-1');
    writeFileSync(join(dir, 'run-1', 'run.json'), JSON.stringify({ ...manifest('run-1'), name: 'first' }));
    expect(prepare('run-1', resume, joining)).toMatchObject({ created: false, resumed: true });
    expect(readManifest(runDirectory(dir, 'run-1'))).toMatchObject({ name: 'first' });
  });

  it('is refused where it must be new', () => {
    prepare('run-1');
    expect(() => prepare('run-1')).toThrow(RunOpenError);
    expect(() => prepare('run-1')).toThrow(/^run "run-1" exists already in .*RUNCAST__RESUME=allow/u);
  });
});

describe('a run that does not exist', () => {
  it('is refused where it must, and leaves nothing behind', () => {
    expect(() => prepare('run-1', 'must')).toThrow(/^run "run-1" does not exist in .* is must$/u);
    expect(existsSync(dir)).toBe(false);
  });

  it('is made where it may', () => {
    expect(prepare('run-1', 'allow')).toMatchObject({ created: true, resumed: false });
  });
});

describe('a run that cannot be', () => {
  it.each(['../outside', '', 'a/b', 'con'])('has the id %j', (runId) => {
    expect(() => prepare(runId)).toThrow(RunOpenError);
    expect(existsSync(dir)).toBe(false);
  });

  it('differs from another only in case', () => {
    prepare('Run-1');
    expect(() => prepare('run-1')).toThrow(/^run "run-1" differs from the existing "Run-1" only in case/u);
    expect(readdirSync(dir)).toEqual(['Run-1']);
  });

  it.each([
    [0x6969, 'NFS'],
    // As a system with 32-bit words says it.
    [-11_317_950, 'CIFS'],
    [0xfe534d42, 'SMB'],
    [0x5346414f, 'AFS'],
    [0x6b414653, 'AFS'],
    [0x00c36400, 'Ceph'],
    [0x0bd00bd0, 'Lustre'],
    [0x47504653, 'GPFS'],
    [0x19830326, 'BeeGFS'],
    [0x18031977, 'WekaFS'],
    [0x20030528, 'OrangeFS'],
    [-1_428_706_582, 'PanFS'],
  ])('is on a network file system of type %d: %s', (type, kind) => {
    const open = (): PreparedRun =>
      prepareRunDirectory(
        dir,
        'run-1',
        'never',
        () => false,
        manifest('run-1'),
        () => ({ type }),
      );
    expect(open).toThrow(RunOpenError);
    expect(open).toThrow(`is on a network file system (${kind})`);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is not where a file system may be a local one: ext4, tmpfs, an overlay, FUSE', () => {
    for (const [index, type] of [0xef53, 0x01021994, 0x794c7630, 0x65735546].entries())
      expect(
        prepareRunDirectory(
          dir,
          `run-${index}`,
          'never',
          () => false,
          manifest(`run-${index}`),
          () => ({ type }),
        ),
      ).toMatchObject({ created: true });
  });

  it('has a file in its way', () => {
    mkdirSync(dir);
    writeFileSync(join(dir, 'run-1'), '');
    expect(() => prepare('run-1')).toThrow(/^the run directory .* cannot be used: E.*set RUNCAST__DIR/u);
    writeFileSync(join(dir, 'file'), '');
    const below = (): PreparedRun =>
      prepareRunDirectory(join(dir, 'file'), 'run-1', 'never', () => false, manifest('run-1'));
    expect(below).toThrow(RunOpenError);
    expect(below).toThrow(/cannot be used: (?:EEXIST|ENOTDIR)/u);
  });

  it('is where nobody may write', () => {
    // The kernel's own tree refuses new directories to everybody, root included.
    const open = (): PreparedRun =>
      prepareRunDirectory('/sys/runcast', 'run-1', 'never', () => false, manifest('run-1'));
    expect(open).toThrow(RunOpenError);
    expect(open).toThrow(/^the run directory \/sys\/runcast\/run-1 cannot be used: E(?:PERM|ACCES|ROFS)/u);
  });
});

describe('the manifest', () => {
  it.each([
    ['nothing', ''],
    ['half of one', '{"v":1,"run":"run-1"'],
    ['no object', 'null'],
    ['text', '"run"'],
    ['nothing of one', '{}'],
    ['another version', '{"v":2,"run":"r","created":1,"sinks":[],"settled":true}'],
    ['no run', '{"v":1,"created":1,"sinks":[],"settled":true}'],
    ['a run that is no text', '{"v":1,"run":5,"created":1,"sinks":[],"settled":true}'],
    ['no time', '{"v":1,"run":"r","sinks":[],"settled":true}'],
    ['a time that is no number', '{"v":1,"run":"r","created":"now","sinks":[],"settled":true}'],
    ['no sinks', '{"v":1,"run":"r","created":1,"settled":true}'],
    ['sinks that are no list', '{"v":1,"run":"r","created":1,"sinks":"jsonl","settled":true}'],
    ['sinks that are no names', '{"v":1,"run":"r","created":1,"sinks":[5],"settled":true}'],
    ['no end', '{"v":1,"run":"r","created":1,"sinks":[]}'],
    ['an end that is no flag', '{"v":1,"run":"r","created":1,"sinks":[],"settled":"yes"}'],
    ['a beginning that is no flag', '{"v":1,"run":"r","created":1,"sinks":[],"settled":true,"begun":1}'],
  ])('is none where the file holds %s', (_, content) => {
    const { directory } = prepare('run-1');
    writeFileSync(directory.manifestFile, content);
    expect(readManifest(directory)).toBeUndefined();
    updateManifest(directory, ['wandb'], true);
    expect(readFileSync(directory.manifestFile, 'utf8')).toBe(content);
  });

  it('is none where there is no file', () => {
    expect(readManifest(runDirectory(dir, 'none'))).toBeUndefined();
  });

  it('gathers the sinks, and says whether they have everything', () => {
    const { directory } = prepare('run-1');
    updateManifest(directory, ['wandb', 'jsonl'], true);
    expect(readManifest(directory)).toEqual({ ...manifest('run-1'), sinks: ['jsonl', 'wandb'], settled: true });
  });

  it('says for ever that there was a log, once there is one', () => {
    const { directory } = prepare('run-1');
    const log = join(directory.logDirectory, 'w1.jsonl');
    writeFileSync(log, '');
    updateManifest(directory, [], false);
    expect(readManifest(directory)).toEqual({ ...manifest('run-1'), begun: true });
    rmSync(log);
    updateManifest(directory, [], true);
    expect(readManifest(directory)).toEqual({ ...manifest('run-1'), settled: true, begun: true });
  });

  it('is written anew where it says all of it already: its time tells when a run was taken over', () => {
    const { directory } = prepare('run-1');
    const before = new Date('2026-11-21T09:45:12Z');
    utimesSync(directory.manifestFile, before, before);
    updateManifest(directory, ['jsonl'], false);
    expect(readManifest(directory)).toEqual(manifest('run-1'));
    expect(statSync(directory.manifestFile).mtimeMs).toBeGreaterThan(before.getTime());
  });
});

describe('listing', () => {
  it('names the directories that hold a run, sorted', () => {
    prepare('b');
    prepare('a');
    mkdirSync(join(dir, 'jsonl'));
    writeFileSync(join(dir, 'runcast.db'), '');
    expect(listRuns(dir)).toEqual(['a', 'b']);
  });

  it('finds none where there is no directory', () => {
    expect(listRuns(dir)).toEqual([]);
  });
});

it('replaces a small file whole', () => {
  mkdirSync(dir);
  const path = join(dir, 'file.json');
  writeWhole(path, 'first, and longer');
  writeWhole(path, 'second');
  expect(readFileSync(path, 'utf8')).toBe('second');
  expect(readdirSync(dir)).toEqual(['file.json']);
});
