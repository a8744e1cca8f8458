// What neither the compiler nor the linter can check: that nobody switches those off by a comment, which package may
// import which, and how files are named and opened. Pure, so that a test can show each rule failing; check-source.ts
// runs it over the files of the workspace.
import path from 'node:path/posix';
import ts from 'typescript';

/** A file of the workspace: its path from the top, with forward slashes, and what it holds. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A rule not kept: `<path>:<line>`, and what is wrong there. */
export interface Violation {
  readonly at: string;
  readonly problem: string;
}

const EVERY_PACKAGE = [
  '@runcast/analysis',
  '@runcast/append-file',
  '@runcast/core',
  '@runcast/delivery',
  '@runcast/jsonl',
  '@runcast/redis',
  '@runcast/relay',
  '@runcast/runlog',
  '@runcast/store',
  '@runcast/system',
  '@runcast/tensorboard',
  '@runcast/wandb',
];

/**
 * Which workspace packages each package may import, by its folder. It has no cycle, so packages cannot form one. The
 * testing package is for tests, examples and benchmarks only.
 */
const MAY_IMPORT: ReadonlyMap<string, readonly string[]> = new Map([
  ['append-file', []],
  ['core', []],
  ['runlog', ['@runcast/core', '@runcast/append-file']],
  ['delivery', ['@runcast/core', '@runcast/runlog']],
  ['system', ['@runcast/core', '@runcast/runlog']],
  ['jsonl', ['@runcast/core', '@runcast/append-file']],
  ['tensorboard', ['@runcast/core', '@runcast/append-file']],
  ['redis', ['@runcast/core']],
  ['wandb', ['@runcast/core', '@runcast/append-file']],
  ['store', ['@runcast/core', '@runcast/append-file']],
  ['analysis', []],
  ['tfjs', ['@runcast/core']],
  ['relay', ['@runcast/append-file', '@runcast/core', '@runcast/delivery', '@runcast/redis', '@runcast/runlog']],
  ['testing', ['@runcast/core', '@runcast/append-file']],
  ['runcast', EVERY_PACKAGE],
]);

const TESTING = '@runcast/testing';

/** The packages that the testing package itself imports cannot use it in their tests. */
const BELOW_TESTING = ['append-file', 'core', 'testing'];

/** Names that say nothing about what a file holds. */
const FORBIDDEN_NAMES = ['utils', 'util', 'helpers', 'helper', 'types', 'common', 'misc', 'shared'];

/** Comments that switch off a linter, the compiler, a formatter, a coverage tool or a copy detector. */
const SUPPRESSIONS = [
  /\b(?:eslint|oxlint|tslint)-(?:disable|enable)/,
  /\btslint:disable/,
  /@ts-(?:ignore|expect-error|nocheck)\b/,
  /\bbiome-ignore\b/,
  /\bdeno-lint-ignore\b/,
  /\bprettier-ignore\b/,
  /\b(?:v8|c8|istanbul)\s+ignore\b/,
  /\bnode:coverage\s+(?:ignore|disable|enable)\b/,
  /\bjscpd:ignore/,
  /@knipignore\b/,
  /#\s*noqa\b/,
  /#\s*type:\s*ignore\b/,
  /\bpylint:\s*disable/,
  /\bpragma:\s*no\s*cover/,
  /\bshellcheck\s+disable/,
];

const TYPESCRIPT_FILE = /\.[cm]?[jt]s$/;
const COMMENTED_FILE = /\.(?:py|sh|ya?ml|html)$|^\.ci\//;

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

/** The stretches between tokens: white space and comments. Strings and regular expressions are not among them. */
function trivia(file: SourceFile): readonly { readonly start: number; readonly text: string }[] {
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, false);
  const stretches: { readonly start: number; readonly text: string }[] = [];
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(tree);
    if (children.length === 0) {
      const start = node.getFullStart();
      stretches.push({ start, text: file.text.slice(start, node.getStart(tree, false)) });
    }
    for (const child of children) {
      visit(child);
    }
  };
  visit(tree);
  return stretches;
}

function suppressionComments(file: SourceFile): readonly Violation[] {
  const isCode = TYPESCRIPT_FILE.test(file.path);
  if (!isCode && !COMMENTED_FILE.test(file.path)) return [];
  const stretches = isCode ? trivia(file) : [{ start: 0, text: file.text }];
  return stretches.flatMap(({ start, text }) =>
    SUPPRESSIONS.flatMap((pattern) => {
      const found = pattern.exec(text);
      if (found === null) return [];
      return [
        { at: `${file.path}:${lineAt(file.text, start + found.index)}`, problem: `suppression comment “${found[0]}”` },
      ];
    }),
  );
}

function packageFolder(filePath: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(filePath)?.[1];
}

function isWorkspacePackage(specifier: string): boolean {
  return specifier === 'runcast' || specifier.startsWith('runcast/') || specifier.startsWith('@runcast/');
}

/** Tests, and what only they use. */
function isTest(filePath: string): boolean {
  return filePath.endsWith('.test.ts') || /^packages\/[^/]+\/test\//.test(filePath);
}

function mayImport(file: SourceFile, folder: string, specifier: string): boolean {
  if (specifier === TESTING) return isTest(file.path) && !BELOW_TESTING.includes(folder);
  return MAY_IMPORT.get(folder)?.includes(specifier) ?? false;
}

function relativeImportProblem(file: SourceFile, specifier: string): string | undefined {
  const folder = packageFolder(file.path);
  const target = path.join(path.dirname(file.path), specifier);
  const targetFolder = packageFolder(target);
  if (folder !== targetFolder) {
    return `“${specifier}” reaches into another package: import it by its name`;
  }
  if (!/\.(?:ts|json)$/.test(specifier)) return `“${specifier}” does not end in .ts`;
  return undefined;
}

function packageImportProblem(file: SourceFile, specifier: string): string | undefined {
  const subpath = specifier.split('/').slice(specifier.startsWith('@') ? 2 : 1);
  // Besides itself a package may offer its sink as data; whether it does, the resolver knows.
  if (subpath.length > 0 && subpath.join('/') !== 'spec') return `“${specifier}” is not a package's public entry`;
  const folder = packageFolder(file.path);
  const name = specifier.slice(0, specifier.length - subpath.map((part) => `/${part}`).join('').length);
  if (folder === undefined || mayImport(file, folder, name)) return undefined;
  return `packages/${folder} may not import ${specifier}`;
}

function forbiddenImports(file: SourceFile): readonly Violation[] {
  if (!TYPESCRIPT_FILE.test(file.path)) return [];
  return ts.preProcessFile(file.text, true, true).importedFiles.flatMap(({ fileName, pos }) => {
    let problem: string | undefined;
    if (/^\.{1,2}\//.test(fileName)) problem = relativeImportProblem(file, fileName);
    else if (isWorkspacePackage(fileName)) problem = packageImportProblem(file, fileName);
    return problem === undefined ? [] : [{ at: `${file.path}:${lineAt(file.text, pos)}`, problem }];
  });
}

function dependencyNames(manifest: unknown): readonly string[] {
  if (typeof manifest !== 'object' || manifest === null) return [];
  const groups: readonly unknown[] = [
    'dependencies' in manifest ? manifest.dependencies : {},
    'peerDependencies' in manifest ? manifest.peerDependencies : {},
    'optionalDependencies' in manifest ? manifest.optionalDependencies : {},
  ];
  return groups.flatMap((group) => (typeof group === 'object' && group !== null ? Object.keys(group) : []));
}

function forbiddenDependencies(file: SourceFile): readonly Violation[] {
  const folder = /^packages\/([^/]+)\/package\.json$/.exec(file.path)?.[1];
  if (folder === undefined) return [];
  const allowed = MAY_IMPORT.get(folder);
  if (allowed === undefined) {
    return [{ at: file.path, problem: `say in scripts/source-rules.ts what packages/${folder} may import` }];
  }
  return dependencyNames(JSON.parse(file.text))
    .filter((name) => isWorkspacePackage(name) && !allowed.includes(name))
    .map((name) => ({ at: file.path, problem: `packages/${folder} may not depend on ${name}` }));
}

function vagueName(file: SourceFile): readonly Violation[] {
  if (!TYPESCRIPT_FILE.test(file.path)) return [];
  const name = path.basename(file.path).replace(/(?:\.test)?\.[cm]?[jt]s$/, '');
  if (!FORBIDDEN_NAMES.includes(name)) return [];
  return [{ at: file.path, problem: `“${name}” does not say what the file holds` }];
}

function missingOpening(file: SourceFile): readonly Violation[] {
  if (!/^packages\/[^/]+\/src\/.*\.ts$/.test(file.path) || isTest(file.path)) return [];
  if (/^(?:#!.*\n)?\s*\/[/*]/.test(file.text)) return [];
  return [{ at: `${file.path}:1`, problem: 'a module opens with a comment that says why it exists' }];
}

/** Every rule not kept in these files, in the order of the files. */
export function findViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => [
    ...vagueName(file),
    ...missingOpening(file),
    ...suppressionComments(file),
    ...forbiddenImports(file),
    ...forbiddenDependencies(file),
  ]);
}
