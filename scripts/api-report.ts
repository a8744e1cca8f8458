// Keeps `api/<package>.api.md`, the public API of every package as one page of declarations, so that a change users can
// see is seen in review. Without `--update` it only compares, and fails when a page differs from what is built.
import { Extractor, ExtractorConfig, ExtractorLogLevel, type ExtractorMessage } from '@microsoft/api-extractor';
import { globSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const COMPILER_OPTIONS = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  types: ['node'],
  strict: true,
  skipLibCheck: true,
};

const top = path.join(import.meta.dirname, '..');
const reportFolder = path.join(top, 'api');
const reportTempFolder = path.join(top, '.cache', 'api');

function quietUnlessError(message: ExtractorMessage): void {
  message.handled = message.logLevel !== ExtractorLogLevel.Error;
}

/** Writes or compares one package's page; false when it differs or the declarations cannot be read. */
function keepsReport(entry: string, update: boolean): boolean {
  const folder = path.join(path.dirname(entry), '..');
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: path.join(folder, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: entry,
      compiler: { overrideTsconfig: { compilerOptions: COMPILER_OPTIONS, files: [entry] } },
      apiReport: { enabled: true, reportFileName: path.basename(folder), reportFolder, reportTempFolder },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
    },
  });
  const result = Extractor.invoke(config, { localBuild: update, messageCallback: quietUnlessError });
  return result.errorCount === 0 && (update || !result.apiReportChanged);
}

const update = process.argv.includes('--update');
mkdirSync(reportFolder, { recursive: true });
mkdirSync(reportTempFolder, { recursive: true });
const differing = globSync('packages/*/dist/index.d.ts', { cwd: top })
  .toSorted()
  .filter((entry) => !keepsReport(path.join(top, entry), update));
for (const entry of differing) {
  const page = `${entry.split(path.sep)[1]}.api.md`;
  console.error(`api/${page} is not what is built (now in .cache/api/${page}): accept it with \`pnpm api --update\``);
}
if (differing.length > 0) process.exitCode = 1;
