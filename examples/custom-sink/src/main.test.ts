import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the example delivers to the sink, in the directory it is started in', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'custom-sink-'));
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=runcast-source', join(import.meta.dirname, 'main.ts')],
      { cwd: directory },
    );
    expect(stdout).toMatch(/^runs\/csv\/\S+\.csv has 101 records; complete: true\n$/u);
    const [name = ''] = readdirSync(join(directory, 'runs', 'csv'));
    const rows = readFileSync(join(directory, 'runs', 'csv', name), 'utf8').split('\n');
    expect(rows).toHaveLength(1 + 100 * 3 + 2 + 1);
    expect(rows[1]).toBe('step,1,train/loss,4');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
