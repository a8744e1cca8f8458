/**
 * What the contract suite has to know about a sink and its backend. Written so that anything that can be asked what it holds
 * fits: files, streams, tables, event files that keep neither writers nor sequence numbers.
 */

import type { RecordKind, RunRecord, Sink, SinkTraits } from '@runcast/core';
import type { BackendRow } from './held-rows.ts';

/** Where a test's run is. */
export interface ContractRun {
  readonly runId: string;
  /** Absolute, new, with the blobs that the records refer to; removed afterwards, so a backend may be put below it. */
  readonly runDirectory: string;
}

/** What the suite has to know about a sink's uploads. */
export interface UploadContract<Backend> {
  readonly kinds: readonly RecordKind[];
  /** `at-least-once` for a lane without a position. */
  readonly guarantee: SinkTraits['guarantee'];
  /** What the backend holds that came as uploads, in its order. */
  readonly readBack: (backend: Backend) => readonly BackendRow[] | Promise<readonly BackendRow[]>;
  /** As {@link SinkContract.expectedRows}, of an upload. */
  readonly expectedRows?: (writer: string, record: RunRecord) => readonly BackendRow[];
  /** Makes the next upload fail, after a part of it reached the backend where that can happen. */
  readonly failNextUpload?: (backend: Backend) => void | Promise<void>;
  /** Makes the next upload take until what this returns is called. */
  readonly holdNextUpload?: (backend: Backend) => (() => void) | Promise<() => void>;
}

/** What the suite has to know about a sink. `Backend` is whatever the author needs to reach the one of a test. */
export interface SinkContract<Backend> {
  readonly name: string;
  readonly traits: SinkTraits;
  /** An empty backend, for one test. */
  readonly prepare: (run: ContractRun) => Backend | Promise<Backend>;
  /** A new instance on that backend, as a process that starts would make it. */
  readonly createSink: (backend: Backend) => Sink;
  /**
   * What the backend holds, in its order, without what the sink adds of its own (headers, versions). Asked for while a sink
   * is open and after it was closed.
   */
  readonly readBack: (backend: Backend) => readonly BackendRow[] | Promise<readonly BackendRow[]>;
  /**
   * The rows that one record must leave, as {@link readBack} will show them; none where the backend merges it with others.
   * One row, `<writer> <seq>`, where left out.
   */
  readonly expectedRows?: (writer: string, record: RunRecord) => readonly BackendRow[];
  /** For sinks of files: the content by name. Must be the same after a crash as without one. */
  readonly readFiles?: (backend: Backend) => ReadonlyMap<string, Uint8Array> | Promise<ReadonlyMap<string, Uint8Array>>;
  /** Makes the next write fail, after a part of it reached the backend where that can happen. */
  readonly failNextWrite?: (backend: Backend) => void | Promise<void>;
  /** Takes away from the backend what a position says is there. */
  readonly loseBackend?: (backend: Backend) => void | Promise<void>;
  /** Of the sink's upload lane; left out where it has none. */
  readonly uploads?: UploadContract<Backend>;
  /** Releases the backend of one test. */
  readonly release?: (backend: Backend) => void | Promise<void>;
}
