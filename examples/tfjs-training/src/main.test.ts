import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const rowSchema = z.looseObject({ kind: z.string(), key: z.string().optional() });

test('the example learns, and logs its batches, epochs, validation and weights', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'tfjs-training-'));
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=runcast-source', path.join(import.meta.dirname, 'main.ts')],
      { cwd: directory, env: { ...process.env, JSONL__ENABLED: 'true' } },
    );
    const accuracy = /^run \S+: accuracy on held-out points (\d\.\d+)$/mu.exec(stdout)?.[1];
    expect(Number(accuracy)).toBeGreaterThan(0.9);
    const folder = path.join(directory, 'runs', 'jsonl');
    const [name = ''] = readdirSync(folder);
    const lines = readFileSync(path.join(folder, name), 'utf8').trim().split('\n');
    const rows = lines.map((line) => rowSchema.parse(JSON.parse(line)));
    const of = (kind: string): typeof rows => rows.filter((row) => row.kind === kind);
    expect(of('step')).toHaveLength(60 * Math.ceil(400 / 32));
    expect(of('step')[0]).toMatchObject({ step: 1, 'train/learning_rate': 0.02 });
    expect([of('epoch').length, of('validation').length]).toEqual([60, 60]);
    expect(of('histogram')).toHaveLength(6 * 6);
    expect(of('histogram')[0]?.key).toMatch(/^weights\/dense_Dense\d\/kernel$/u);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
