// A file system of a few megabytes that can be filled up: a disk that is really full.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export function mountSmall(place: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', place], { stdio: 'ignore' });
}

export function unmountSmall(place: string): void {
  execFileSync('umount', [place], { stdio: 'ignore' });
}

function findObstacle(): string | undefined {
  const place = mkdtempSync(path.join(tmpdir(), 'runcast-mount-'));
  try {
    mountSmall(place, 4096);
    unmountSmall(place);
    return undefined;
  } catch {
    return 'a file system cannot be mounted here: that takes root';
  } finally {
    rmdirSync(place);
  }
}

/** Why no file system can be mounted here; undefined where one can. */
export const NO_MOUNT: string | undefined = findObstacle();
