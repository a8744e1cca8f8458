/** Which code a run was started from, asked of git itself; nothing where there is no git or no repository. */

import { redactText, type GitMetadata } from '@runcast/core';

/** A repository on a slow disk must not hold up training. */
const GIT_TIMEOUT_MS = 2_000;
/** Separates the parts of `git log`'s answer; cannot be in any of them. */
const SEPARATOR = '\x1f';

/** The state of the working tree at `directory`; undefined outside a repository, or in one without a commit. Never rejects. */
export async function readGitMetadata(directory: string): Promise<GitMetadata | undefined> {
  const [head, status, remote] = await Promise.all([
    git(directory, ['log', '-1', `--format=%H${SEPARATOR}%s`]),
    git(directory, ['status', '--porcelain', '--branch', '--untracked-files=no']),
    git(directory, ['config', '--get', 'remote.origin.url']),
  ]);
  if (head === undefined) return undefined;
  const [commit = '', message = ''] = head.split(SEPARATOR);
  const [first = '', ...changes] = (status ?? '').split('\n');
  const branch = /^## (?:No commits yet on )?(.+?)(?:\.\.\.|$)/u.exec(first)?.[1];
  return {
    commit,
    message: redactText(message),
    ...(branch === undefined || branch === 'HEAD (no branch)' ? {} : { branch }),
    ...(status === undefined ? {} : { dirty: changes.length > 0 }),
    ...(remote === undefined ? {} : { remote: redactText(remote) }),
  };
}

async function git(directory: string, args: readonly string[]): Promise<string | undefined> {
  // Loaded when a run is opened: a program that only imports the package starts faster without it.
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    execFile('git', ['--no-optional-locks', ...args], { cwd: directory, timeout: GIT_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? stdout.trimEnd() : undefined);
    });
  });
}
