// Keeps what each package weighs when installed (its JavaScript, without source maps and declarations) within the bytes
// that size-limits.json grants it, so that growth is a decision. `--update` grants what is built now and a tenth more.
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'prettier';

const top = path.join(import.meta.dirname, '..');
const limitsFile = path.join(top, 'size-limits.json');

function builtSizes(): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const file of globSync('packages/*/dist/**/*.js', { cwd: top }).toSorted()) {
    const name = file.split(path.sep)[1] ?? file;
    sizes.set(name, (sizes.get(name) ?? 0) + statSync(path.join(top, file)).size);
  }
  return sizes;
}

function grantedSizes(): ReadonlyMap<string, unknown> {
  const granted: unknown = JSON.parse(readFileSync(limitsFile, 'utf8'));
  return new Map(typeof granted === 'object' && granted !== null ? Object.entries(granted) : []);
}

const sizes = builtSizes();
if (process.argv.includes('--update')) {
  const limits = Object.fromEntries([...sizes].map(([name, size]) => [name, Math.ceil((size * 1.1) / 1000) * 1000]));
  writeFileSync(limitsFile, await format(JSON.stringify(limits), { parser: 'json' }));
}
const limits = grantedSizes();
for (const [name, size] of sizes) {
  const limit = limits.get(name);
  if (typeof limit === 'number' && size <= limit) continue;
  const granted = typeof limit === 'number' ? limit : 'none';
  console.error(`packages/${name} has ${size} bytes of JavaScript, size-limits.json grants ${granted}`);
  process.exitCode = 1;
}
