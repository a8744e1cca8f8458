// The contract suite is published for authors of sinks, who need not have vitest: it runs under Node's own runner too.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { memorySinkContract, sinkContractCases } from '@runcast/testing';
import { expect, it } from 'vitest';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'memory-contract.ts');

it('runs under node:test, what lacks a hook skipped with its reason', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=runcast-source',
    '--test',
    '--test-reporter=tap',
    FIXTURE,
  ]);
  const facts = sinkContractCases(memorySinkContract()).length;
  expect(stdout).toMatch(/# SKIP its backend cannot be made to lose anything/u);
  // A remote sink is not asked to work synchronously.
  expect(stdout).toContain(`# pass ${facts - 2}\n`);
  expect(stdout).toContain('# fail 0\n');
  expect(stdout).toContain('# skipped 1\n');
});
