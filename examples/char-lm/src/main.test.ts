import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('Ctrl-C ends the run as failed, with a message and exit code 130', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'char-lm-main-'));
  try {
    const child = spawn(process.execPath, ['--conditions=runcast-source', join(import.meta.dirname, 'main.ts')], {
      cwd: directory,
      env: {
        RUNCAST__RUN_ID: 'whale',
        JSONL__ENABLED: 'true',
        CHAR_LM__EPOCHS: '1000',
        CHAR_LM__HIDDEN_UNITS: '8',
        CHAR_LM__BUCKET_BITS: '6',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // The second line is written when the run is open, immediately before the training.
      if (!output.includes('held out') && (output + text).includes('held out')) child.kill('SIGINT');
      output += text;
    });
    await once(child, 'close');
    expect(child.exitCode).toBe(130);
    expect(output).toContain('Interrupted: the run ended as failed');
    expect(readFileSync(join(directory, 'runs', 'jsonl', 'whale.jsonl'), 'utf8')).toContain('"status":"failed"');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
