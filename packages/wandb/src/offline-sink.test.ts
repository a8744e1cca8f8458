import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError, PositionLostError, RecordsRefusedError, type RunRecord, type Sink } from '@runcast/core';
import {
  artifactRecord,
  barChartRecord,
  batchOf,
  closeRecord,
  configRecord,
  fileRecord,
  imageRecord,
  openRecord,
  sinkContext,
  stepRecord,
  summaryRecord,
  tagsRecord,
  writeBlob,
  SAMPLE_FILE,
} from '@runcast/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTransactions, type WandbTransaction } from './read-transactions.ts';
import { createWandbSink, createSink } from './sink.ts';

const FINAL = { status: 'finished', final: true } as const;

let place: string;

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-offline-'));
});

afterEach(() => {
  rmSync(place, { recursive: true });
});

function openSink(runId = 'run-1', position?: ReturnType<NonNullable<Sink['position']>>): Sink {
  const sink = createWandbSink({ mode: 'offline', dir: place, images: 'svg', fallback: { group: 'sweep' } });
  void sink.open?.(sinkContext({ runId, runDirectory: place, position }));
  return sink;
}

function write(sink: Sink, ...records: readonly RunRecord[]): void {
  void sink.write(batchOf('w1', records));
}

function transactions(): readonly WandbTransaction[] {
  const [directory = ''] = readdirSync(path.join(place, 'wandb'));
  return readTransactions(path.join(place, 'wandb', directory, 'run-run-1.wandb')).transactions;
}

function kinds(): readonly string[] {
  return transactions().map(({ kind }) => kind);
}

describe('an offline run', () => {
  it('begins with its identity, and says of tags and configuration what has changed', () => {
    const sink = openSink();
    const git = { commit: 'abc', remote: 'https://host/repo' };
    write(sink, openRecord({ name: 'baseline', git, notes: 'why', job_type: 'train' }), stepRecord({ seq: 1 }));
    write(sink, tagsRecord({ seq: 2 }), configRecord({ seq: 3 }));
    write(
      sink,
      configRecord({ seq: 4 }),
      configRecord({ seq: 5, config: { eval_samples: 1 } }),
      barChartRecord({ seq: 6 }),
    );
    void sink.close(FINAL);
    const found = transactions();
    expect(found[0]).toMatchObject({
      kind: 'run',
      runId: 'run-1',
      project: 'uncategorized',
      group: 'sweep',
      jobType: 'train',
      name: 'baseline',
      notes: 'why',
      host: 'trainer',
      startTime: 1_795_254_381.123,
      config: [{ path: ['latent_dim'], value: 32 }],
    });
    expect(found.filter(({ kind }) => kind === 'run' || kind === 'config').slice(1)).toMatchObject([
      { kind: 'run', tags: ['baseline'], config: [{ value: 32 }, { path: ['eval_samples'], value: 3072 }] },
      {
        kind: 'config',
        items: [{ path: ['eval_samples'], value: 1 }, { path: ['_wandb', 'visualize', 'physics/violations'] }],
      },
    ]);
  });

  it('has its newest row once it is flushed, and its summary and exit once it ends', () => {
    const sink = openSink();
    write(sink, openRecord(), stepRecord({ seq: 1 }));
    expect(kinds()).not.toContain('history');
    void sink.flush();
    expect(kinds().at(-1)).toBe('history');
    write(sink, summaryRecord({ seq: 2 }), closeRecord({ seq: 3, status: 'failed' }));
    void sink.close(FINAL);
    const [summary, exit] = transactions().slice(-2);
    expect(summary?.kind === 'summary' && summary.items).toContainEqual({ path: ['eval/nrmse'], value: 0.09 });
    expect(exit).toEqual({ kind: 'exit', exitCode: 1 });
  });

  it('that goes on elsewhere, or crashed, has no exit', () => {
    const sink = openSink();
    write(sink, openRecord(), stepRecord({ seq: 1 }));
    const position = sink.position?.();
    void sink.close({ status: 'finished', final: false });
    expect(kinds()).not.toContain('summary');
    const next = openSink('run-1', position);
    void next.close({ status: 'crashed', final: true });
    expect(kinds().slice(-2)).toEqual(['history', 'summary']);
  });

  it('without records leaves nothing', () => {
    const sink = openSink();
    void sink.flush();
    void sink.close(FINAL);
    expect(readdirSync(path.join(place, 'wandb'))).toEqual([]);
  });
});

describe('what cannot be written', () => {
  it('is said when opening', () => {
    writeFileSync(path.join(place, 'wandb'), 'a file');
    expect(() => openSink()).toThrow(/WANDB_DIR: ".*" cannot hold offline runs: EEXIST/u);
    expect(() => openSink('a:b')).toThrow(ConfigError);
    expect(() => createWandbSink({ mode: 'disabled' })).toThrow('leave the sink out');
    expect(createSink({ mode: 'offline' }).name).toBe('wandb');
  });

  it('is a position of another kind, or of a file that is gone, cut or not to be opened', () => {
    expect(() => openSink('run-1', { v: 1, mode: 'online' })).toThrow(PositionLostError);
    const sink = openSink();
    write(sink, openRecord());
    const position = sink.position?.();
    void sink.close({ status: 'unknown', final: false });
    const [directory = ''] = readdirSync(path.join(place, 'wandb'));
    const file = path.join(place, 'wandb', directory, 'run-run-1.wandb');
    writeFileSync(file, '');
    expect(() => openSink('run-1', position)).toThrow(/has 0 bytes where \d+ were expected/u);
    rmSync(file);
    expect(() => openSink('run-1', position)).toThrow(/offline-run-\d+_\d+-run-1 is gone$/u);
    // Neither gone nor cut: the system's own error.
    rmSync(path.dirname(file), { recursive: true });
    writeFileSync(path.dirname(file), 'in the way');
    expect(() => openSink('run-1', position)).toThrow('ENOTDIR');
    chmodSync(place, 0o700);
  });

  it('is bytes that are not there, or a place outside the run', () => {
    const sink = openSink();
    expect(() => write(sink, openRecord(), fileRecord({ blob: 'blobs/none' }))).toThrow(RecordsRefusedError);
    writeBlob(place, SAMPLE_FILE, '.bin');
    expect(() => write(sink, openRecord(), fileRecord({ path: '../../../out' }))).toThrow(
      /leads out of the directory/u,
    );
    expect(() => write(sink, openRecord(), artifactRecord({ files: [] }))).not.toThrow();
  });

  it('is an image that is not wanted or too large', () => {
    const sink = openSink();
    write(sink, openRecord(), imageRecord({ seq: 1 }));
    expect(kinds()).toEqual(['run']);
    const small = createWandbSink({ mode: 'offline', dir: place, maxImageSize: { width: 1, height: 1 } });
    void small.open?.(sinkContext({ runId: 'run-2', runDirectory: place }));
    expect(() => write(small, openRecord(), imageRecord({ seq: 1, width: 2 }))).toThrow(RecordsRefusedError);
  });
});
