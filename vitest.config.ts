// One run for the whole suite. `unit` holds the tests that sit beside their source; `integration` what crosses packages.
// Workspace packages resolve to their sources by the export condition `runcast-source`, in the tests and, through
// `execArgv` and `NODE_OPTIONS`, in the worker threads and processes that they start. Only tests/package needs
// `pnpm build` first.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { ViteUserConfig } from 'vitest/config';

const SOURCE_CONDITION = 'runcast-source';
const COVERED_COMPLETELY = new Set(['append-file', 'core', 'runlog', 'delivery', 'jsonl', 'tensorboard']);
const EVERYTHING = { statements: 100, branches: 100, functions: 100, lines: 100 };
const NEARLY_EVERYTHING = { statements: 95, branches: 95, functions: 95, lines: 95 };

const config: ViteUserConfig = {
  test: {
    reporters: ['default', './scripts/summary-reporter.ts'],
    // Node itself loads tests and sources, as it does in worker threads and child processes: one text of each file, so that
    // what is covered here and there adds up.
    experimental: { viteModuleRunner: false },
    execArgv: [`--conditions=${SOURCE_CONDITION}`],
    env: { NODE_OPTIONS: `--conditions=${SOURCE_CONDITION}` },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts', 'examples/**/*.test.ts'],
          testTimeout: 10_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      // The delivery worker and the command run only in threads and processes of their own.
      autoAttachSubprocess: true,
      reporter: ['text', 'json-summary', 'html'],
      include: ['packages/*/src/**/*.ts'],
      // They run in worker threads only, which coverage of this isolate cannot see: a few lines around serveDeliveries,
      // serveDrawing, serveCollector and serveSdk, which are measured, and exercised by every test with a worker.
      exclude: ['delivery', 'system', 'tensorboard', 'wandb'].map((name) => `packages/${name}/src/worker.ts`),
      thresholds: Object.fromEntries(
        readdirSync(path.join(import.meta.dirname, 'packages')).map((name) => [
          `packages/${name}/src/**/*.ts`,
          COVERED_COMPLETELY.has(name) ? EVERYTHING : NEARLY_EVERYTHING,
        ]),
      ),
    },
  },
};

export default config;
