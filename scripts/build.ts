// Builds the packages whose sources have changed since they were last built: what is in a package's `dist` depends on its own
// sources alone, since other packages are left out of it and declarations are isolated. `--all` builds every one.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '..');
const STAMPS = path.join(ROOT, '.cache', 'build');
/** What decides how any of them is built. */
const SHARED = ['tsup.config.ts', 'tsconfig.json', 'pnpm-lock.yaml', 'scripts/build.ts'];

const folders = globSync(['packages/*/package.json', 'benchmarks/package.json'], { cwd: ROOT }).map((file) =>
  path.dirname(file),
);
const stale = folders.filter(
  (folder) => process.argv.includes('--all') || !existsSync(path.join(ROOT, folder, 'dist')) || !isStamped(folder),
);
if (stale.length > 0) {
  const filters = stale.flatMap((folder) => ['--filter', `./${folder}`]);
  execFileSync('pnpm', [...filters, '--workspace-concurrency=2', 'run', 'build'], { cwd: ROOT, stdio: 'inherit' });
}
mkdirSync(STAMPS, { recursive: true });
for (const folder of stale) writeFileSync(stampOf(folder), hashOf(folder));

function isStamped(folder: string): boolean {
  return existsSync(stampOf(folder)) && readFileSync(stampOf(folder), 'utf8') === hashOf(folder);
}

function stampOf(folder: string): string {
  return path.join(STAMPS, path.basename(folder));
}

function hashOf(folder: string): string {
  const hash = createHash('sha256');
  const own = ['package.json', 'tsup.config.ts', '{src,contenders}/**/*.ts'];
  const files = globSync(
    own.map((pattern) => `${folder}/${pattern}`),
    { cwd: ROOT },
  );
  for (const file of [...SHARED, ...files.toSorted()])
    hash.update(`${file}\0`).update(readFileSync(path.join(ROOT, file)));
  return hash.digest('hex');
}
