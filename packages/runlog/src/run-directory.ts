/**
 * Where a run lives on disk, and whether it may: one directory a run, named by its id, below the directory of all runs.
 */

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeDirectory } from '@runcast/append-file';
import { checkRunId, errorMessage, RunOpenError, type ResumeMode } from '@runcast/core';

/** The parts of a run directory, as absolute paths. */
export interface RunDirectory {
  readonly runId: string;
  readonly path: string;
  readonly manifestFile: string;
  readonly logDirectory: string;
  readonly blobDirectory: string;
  readonly cursorDirectory: string;
  readonly deadLetterDirectory: string;
  readonly leaseFile: string;
  readonly contextFile: string;
}

/** What `run.json` says: enough to list runs without reading their logs. */
export interface RunManifest {
  readonly v: 1;
  readonly run: string;
  readonly project?: string;
  readonly name?: string;
  /** Unix seconds. */
  readonly created: number;
  /** Sinks that the run has been opened with. */
  readonly sinks: readonly string[];
  /** Every one of them has everything: false while the run is open, and after it where something is owed. */
  readonly settled: boolean;
  /** True once a log has been made: where there is none, it was deleted. Left out before that, and by earlier versions. */
  readonly begun?: boolean;
}

/**
 * What statfs(2) gives as the type of file systems of other machines, whose locks and appends cannot be relied on: many
 * machines have them mounted at once. Those without a source are in linux/magic.h. FUSE (0x65735546) may be a local one, and
 * so may 9P (0x01021997), which gVisor shows for every file of its host.
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'], // NFS_SUPER_MAGIC
  [0xff534d42, 'CIFS'], // CIFS_SUPER_MAGIC
  [0xfe534d42, 'SMB'], // SMB2_SUPER_MAGIC
  [0x517b, 'SMB'], // SMB_SUPER_MAGIC
  [0x5346414f, 'AFS'], // AFS_SUPER_MAGIC, of OpenAFS
  [0x6b414653, 'AFS'], // AFS_FS_MAGIC, of the kernel's client
  [0x73757245, 'Coda'], // CODA_SUPER_MAGIC
  [0x00c36400, 'Ceph'], // CEPH_SUPER_MAGIC
  [0x0bd00bd0, 'Lustre'], // LL_SUPER_MAGIC in Lustre's lustre_user.h
  [0x47504653, 'GPFS'], // GPFS_SUPER_MAGIC in IBM Storage Scale's gpfs.h
  [0x19830326, 'BeeGFS'], // BEEGFS_MAGIC in BeeGFS's client_module/source/filesystem/FhgfsOpsSuper.h
  [0x18031977, 'WekaFS'], // WEKAFS_SUPER_MAGIC in libfuse's check_nonroot_fstype
  [0x20030528, 'OrangeFS'], // ORANGEFS_SUPER_MAGIC in Linux's fs/orangefs/protocol.h
  [0xaad7aaea, 'PanFS'], // S_MAGIC_PANFS in GNU coreutils' src/stat.c
]);

/** The paths of a run, whether it exists or not. `dir` may be relative to the working directory. */
export function runDirectory(dir: string, runId: string): RunDirectory {
  const path = join(resolve(dir), runId);
  return {
    runId,
    path,
    manifestFile: join(path, 'run.json'),
    logDirectory: join(path, 'log'),
    blobDirectory: join(path, 'blobs'),
    cursorDirectory: join(path, 'cursors'),
    deadLetterDirectory: join(path, 'dead-letters'),
    leaseFile: join(path, 'lease.db'),
    contextFile: join(path, 'context.json'),
  };
}

/** A run directory that is ready for a writer. */
export interface PreparedRun {
  readonly directory: RunDirectory;
  /** True where this call made the directory, so that it may be taken back. */
  readonly created: boolean;
  /** True where it held a run before. */
  readonly resumed: boolean;
}

/**
 * Makes or finds a run's directory. `joining` says that another process of the same run is known to be alive, so that
 * `resume: 'never'` does not forbid it.
 *
 * @param statfs The system's; injected by tests.
 * @throws RunOpenError where the run exists or does not against `resume`, the id collides with another but for case, or the
 * directory cannot be made, written or trusted.
 */
export function prepareRunDirectory(
  dir: string,
  runId: string,
  resume: ResumeMode,
  joining: (directory: RunDirectory) => boolean,
  manifest: RunManifest,
  statfs: (path: string) => { readonly type: number } = statfsSync,
): PreparedRun {
  const problem = checkRunId(runId);
  if (problem !== undefined) throw new RunOpenError(`the run id ${problem}`);
  const directory = runDirectory(dir, runId);
  const exists = existsSync(directory.manifestFile);
  if (exists && resume === 'never' && !joining(directory)) throw existsAlready(dir, runId);
  if (!exists && resume === 'must') {
    throw new RunOpenError(
      `run ${JSON.stringify(runId)} does not exist in ${resolve(dir)}, and RUNCAST__RESUME (run.resume) is must`,
    );
  }
  try {
    makeDirectory(resolve(dir));
    refuseNetworkFileSystem(resolve(dir), statfs(resolve(dir)).type);
    refuseCaseCollision(resolve(dir), runId);
    const created = makeDirectory(directory.path) !== undefined;
    for (const path of [directory.logDirectory, directory.blobDirectory, directory.cursorDirectory])
      makeDirectory(path);
    if (!exists) writeManifest(directory, manifest);
    return { directory, created, resumed: exists };
  } catch (error) {
    if (error instanceof RunOpenError) throw error;
    throw new RunOpenError(
      `the run directory ${directory.path} cannot be used: ${errorMessage(error)}; set RUNCAST__DIR (dir) to a directory that can be written`,
      { cause: error },
    );
  }
}

/** What `resume: 'never'` forbids. */
export function existsAlready(dir: string, runId: string): RunOpenError {
  return new RunOpenError(
    `run ${JSON.stringify(runId)} exists already in ${resolve(dir)}; choose another id, or set RUNCAST__RESUME=allow (run.resume) to go on with it`,
  );
}

/** True where somebody has logged to the run. Throws the system's error. */
export function hasLogs({ logDirectory }: RunDirectory): boolean {
  return existsSync(logDirectory) && readdirSync(logDirectory).length > 0;
}

/** Takes back a directory that was just made for a run that then could not be opened. */
export function discardRunDirectory(directory: RunDirectory): void {
  rmSync(directory.path, { recursive: true, force: true });
}

/**
 * Notes who delivers the run, whether all is delivered, and that there is a log where there is one. The file is new each
 * time: when it was written tells when the run was last opened, taken over or closed. Throws the system's error.
 */
export function updateManifest(directory: RunDirectory, sinks: readonly string[], settled: boolean): void {
  const manifest = readManifest(directory);
  if (manifest === undefined) return;
  writeManifest(directory, {
    ...manifest,
    sinks: [...new Set([...manifest.sinks, ...sinks])],
    settled,
    ...(hasLogs(directory) ? { begun: true } : {}),
  });
}

/** The manifest of a run; undefined where there is none or it is not one. */
export function readManifest(directory: RunDirectory): RunManifest | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(directory.manifestFile, 'utf8'));
    return isManifest(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Ids of the runs below `dir`, sorted. */
export function listRuns(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  const entries = readdirSync(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(dir, entry.name, 'run.json')))
    .map((entry) => entry.name)
    .toSorted();
}

function writeManifest(directory: RunDirectory, manifest: RunManifest): void {
  writeWhole(directory.manifestFile, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Replaces a small file in one step, so that a reader sees the old content or the new. */
export function writeWhole(path: string, content: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

function isManifest(value: unknown): value is RunManifest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'v' in value &&
    value.v === 1 &&
    'run' in value &&
    typeof value.run === 'string' &&
    'created' in value &&
    typeof value.created === 'number' &&
    'sinks' in value &&
    Array.isArray(value.sinks) &&
    value.sinks.every((sink) => typeof sink === 'string') &&
    'settled' in value &&
    typeof value.settled === 'boolean' &&
    (!('begun' in value) || typeof value.begun === 'boolean')
  );
}

function refuseNetworkFileSystem(dir: string, type: number): void {
  const kind = NETWORK_FILE_SYSTEMS.get(type >>> 0);
  if (kind !== undefined)
    throw new RunOpenError(
      `${dir} is on a network file system (${kind}), where a log cannot be kept safely; set RUNCAST__DIR (dir) to a local directory`,
    );
}

/** Two ids that differ only in case are one directory on some file systems, and one name in some backends. */
function refuseCaseCollision(dir: string, runId: string): void {
  const folded = runId.toLowerCase();
  const other = readdirSync(dir).find((name) => name !== runId && name.toLowerCase() === folded);
  if (other !== undefined)
    throw new RunOpenError(
      `run ${JSON.stringify(runId)} differs from the existing ${JSON.stringify(other)} only in case; choose another id`,
    );
}
