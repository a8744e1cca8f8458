// Runs the rules of source-rules.ts over every source file of the workspace, and fails when one is not kept.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findViolations } from './source-rules.ts';

const NOT_SOURCE = new Set(['node_modules', 'dist', 'coverage', 'runs', '.cache', '.git']);

const top = path.join(import.meta.dirname, '..');
const files = globSync(['**/*.{ts,mts,cts,js,mjs,cjs,json,py,sh,yml,yaml,html}', '.ci/*'], {
  cwd: top,
  exclude: (name) => NOT_SOURCE.has(path.basename(name)),
})
  .toSorted()
  .map((name) => ({ path: name.split(path.sep).join('/'), text: readFileSync(path.join(top, name), 'utf8') }));

const violations = findViolations(files);
for (const { at, problem } of violations) {
  console.error(`${at} ${problem}`);
}
if (violations.length > 0) {
  console.error(`\n${violations.length} violations of the rules in scripts/source-rules.ts`);
  process.exitCode = 1;
}
