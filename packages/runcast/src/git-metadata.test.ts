import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readGitMetadata } from './git-metadata.ts';
import { processEnvironment } from './process-env.ts';

let repository = '';

beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'runcast-git-'));
});

afterEach(() => rmSync(repository, { recursive: true }));

/** Runs git without anything of the configuration of whoever runs the tests. */
function git(...args: readonly string[]): string {
  const identity = ['-c', 'user.name=Tester', '-c', 'user.email=tester@example.org'];
  const env = { PATH: processEnvironment()['PATH'], GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_SYSTEM: devNull };
  return execFileSync('git', [...identity, ...args], { cwd: repository, env, encoding: 'utf8' }).trim();
}

function commit(message: string): string {
  git('init', '-q', '-b', 'main');
  writeFileSync(join(repository, 'train.ts'), 'export {};\n');
  git('add', '.');
  git('commit', '-q', '-m', message);
  return git('rev-parse', 'HEAD');
}

it('is nothing outside a repository, and in one without a commit', async () => {
  expect(await readGitMetadata(repository)).toBeUndefined();
  git('init', '-q', '-b', 'main');
  expect(await readGitMetadata(repository)).toBeUndefined();
  expect(await readGitMetadata(join(repository, 'nowhere'))).toBeUndefined();
});

it('is the commit, its message and branch, and whether something tracked has changed', async () => {
  const hash = commit('Train for longer\n\nMuch longer.');
  const metadata = { commit: hash, message: 'Train for longer', branch: 'main', dirty: false };
  expect(await readGitMetadata(repository)).toEqual(metadata);
  writeFileSync(join(repository, 'untracked'), '');
  expect(await readGitMetadata(repository)).toEqual(metadata);
  writeFileSync(join(repository, 'train.ts'), 'export const epochs = 3;\n');
  expect(await readGitMetadata(repository)).toEqual({ ...metadata, dirty: true });
});

it('knows a branch with its upstream, and a head that is on none', async () => {
  const hash = commit('One');
  git('branch', 'release/1.x');
  git('checkout', '-q', '-b', 'feature/dots.and-dashes', '--track', 'release/1.x');
  expect(await readGitMetadata(repository)).toMatchObject({ branch: 'feature/dots.and-dashes' });
  git('checkout', '-q', '--detach');
  expect(await readGitMetadata(repository)).toEqual({ commit: hash, message: 'One', dirty: false });
});

it('holds no secret of the remote or the message', async () => {
  commit('Use ghp_aaaaaaaaaaaaaaaaaaaaaaaaaa');
  git('remote', 'add', 'origin', 'https://user:hunter2@example.org/team/model.git');
  expect(await readGitMetadata(repository)).toMatchObject({
    message: 'Use [redacted]',
    remote: 'https://[redacted]@example.org/team/model.git',
  });
});

it('says nothing of changes where git cannot tell', async () => {
  const hash = commit('One');
  writeFileSync(join(repository, '.git', 'index'), 'damaged');
  expect(await readGitMetadata(repository)).toEqual({ commit: hash, message: 'One' });
});
