// The contract suite is published for authors of sinks, who need not have vitest: it runs under Node's own runner too.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { memorySinkContract, sinkContractCases } from '@runcast/testing';
import { expect, it } from 'vitest';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'memory-contract.ts');

it('runs under node:test, what does not apply skipped with its reason', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=runcast-source',
    '--test',
    '--test-reporter=tap',
    FIXTURE,
  ]);
  const facts = sinkContractCases(memorySinkContract()).length;
  expect(stdout).toMatch(/ok \d+ - works synchronously # SKIP it is remote/u);
  expect(stdout).toContain(`# pass ${facts - 1}\n`);
  expect(stdout).toContain('# fail 0\n');
  expect(stdout).toContain('# skipped 1\n');
});
