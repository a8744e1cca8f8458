// Makes a @tensorflow/tfjs-node that works, for the tests of the tfjs engine, in `.cache/tfjs`. The package's own
// installation downloads TensorFlow from a host that build machines often do not reach, so each part is taken from a
// package registry by its ordinary client instead: the JavaScript and the headers of Node-API from npm, TensorFlow's library
// from Maven (of TensorFlow's own Java bindings), and the addon is compiled from the sources that npm's package brings.
//
// Half a minute and 760 MB on the disk, once for each state of this file. Needs Linux on x86-64, npm, mvn with a Java, g++ and
// Python 3. When it cannot be done the reason is kept and this still succeeds: the tests that
// need it then skip themselves by name, and fail the run only where CI=true.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { missingTfjs, tfjsFolder, tfjsReasonFile, tfjsSetupHash, tfjsStampFile } from '../tests/support/tfjs.ts';

const NPM_PACKAGES = ['@tensorflow/tfjs-node@4.22.0', 'node-api-headers@1.9.0'];

/** TensorFlow 2.10.1. */
const LIBRARY_ARTIFACT = 'org.tensorflow:tensorflow-core-api:0.5.0:jar:linux-x86_64';
const LIBRARY_SHA256 = 'f394c5be26c8f3b644cdc77e6741b2cfe774caa8aedeb969c50e074444feac55';
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy';
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** The headers that the addon includes; all they declare is in `scripts/tfjs/c_api.h`. */
const HEADERS = [
  'c/eager/c_api.h',
  'c/tf_datatype.h',
  'c/tf_status.h',
  'c/tf_tensor.h',
  'core/platform/ctstring_internal.h',
];

/** The newest Node-API that tfjs-node 4.22 says it can be loaded with. */
const NAPI_VERSION = 8;

const CHECK = `
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require('@tensorflow/tfjs-node');
const sum = tf.tensor([1, 2]).add(1).dataSync();
if (tf.getBackend() !== 'tensorflow' || sum.join() !== '2,3') throw new Error('it cannot add');
`;

const installed = path.join(tfjsFolder, 'node_modules', '@tensorflow', 'tfjs-node');
const libraryFolder = path.join(installed, 'deps', 'lib');
const includeFolder = path.join(installed, 'deps', 'include');

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  execFileSync(command, args, {
    cwd: tfjsFolder,
    encoding: 'utf8',
    stdio: [...stdio],
    env: { ...process.env, ...env },
  });
}

/** Without its installation script, which would download. */
function installPackages(): void {
  writeFileSync(path.join(tfjsFolder, 'package.json'), JSON.stringify({ name: 'tfjs', private: true }));
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', ...NPM_PACKAGES]);
}

function fetchLibrary(): void {
  const folder = path.join(tfjsFolder, 'library');
  const repository = path.join(tfjsFolder, 'maven');
  rmSync(folder, { recursive: true, force: true });
  const artifact = [`-Dartifact=${LIBRARY_ARTIFACT}`, `-DoutputDirectory=${folder}`];
  run('mvn', ['--quiet', '--batch-mode', COPY_GOAL, ...artifact, `-Dmaven.repo.local=${repository}`]);
  const [jar = ''] = globSync('*.jar', { cwd: folder });
  const file = path.join(folder, jar);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  if (sha256 !== LIBRARY_SHA256) throw new Error(`${jar} is not the file that was expected: its SHA-256 is ${sha256}`);
  run('python3', ['-m', 'zipfile', '-e', file, folder]);
  mkdirSync(libraryFolder, { recursive: true });
  for (const name of LIBRARIES) {
    const [found = name] = globSync(`**/${name}`, { cwd: folder });
    renameSync(path.join(folder, found), path.join(libraryFolder, name));
  }
  // What the linker looks for.
  symlinkSync('libtensorflow_cc.so.2', path.join(libraryFolder, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', path.join(libraryFolder, 'libtensorflow_framework.so'));
  rmSync(folder, { recursive: true });
  rmSync(repository, { recursive: true });
}

function writeHeaders(): void {
  const folder = path.join(includeFolder, 'tensorflow');
  for (const header of HEADERS) {
    mkdirSync(path.join(folder, path.dirname(header)), { recursive: true });
    writeFileSync(path.join(folder, header), '#include "tensorflow/c/c_api.h"\n');
  }
  copyFileSync(path.join(import.meta.dirname, 'tfjs', 'c_api.h'), path.join(folder, 'c', 'c_api.h'));
}

/** What the package's binding.gyp says of Linux, without the headers of one Node that node-gyp would fetch. */
function compileAddon(): void {
  const folder = path.join(installed, 'lib', `napi-v${NAPI_VERSION}`);
  mkdirSync(folder, { recursive: true });
  run('g++', [
    '-shared',
    '-fPIC',
    '-O2',
    '-std=c++17',
    `-DNAPI_VERSION=${NAPI_VERSION}`,
    `-I${includeFolder}`,
    `-I${path.join(tfjsFolder, 'node_modules', 'node-api-headers', 'include')}`,
    ...globSync('binding/*.cc', { cwd: installed }).map((file) => path.join(installed, file)),
    `-L${libraryFolder}`,
    '-ltensorflow',
    '-ltensorflow_framework',
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
    '-o',
    path.join(folder, 'tfjs_binding.node'),
  ]);
}

function setUp(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`the set-up is for Linux on x86-64, this is ${process.platform} on ${process.arch}`);
  rmSync(tfjsFolder, { recursive: true, force: true });
  mkdirSync(tfjsFolder, { recursive: true });
  // Better before a gigabyte is fetched than after.
  for (const tool of ['npm', 'mvn', 'g++', 'python3']) run(tool, ['--version']);
  installPackages();
  fetchLibrary();
  writeHeaders();
  compileAddon();
  run(process.execPath, ['-e', CHECK], { TF_CPP_MIN_LOG_LEVEL: '3' });
  writeFileSync(tfjsStampFile, tfjsSetupHash());
}

/** The last line that a failed command wrote says what was wrong. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n').at(-1) ?? message;
}

if (missingTfjs() !== undefined) {
  mkdirSync(path.dirname(tfjsReasonFile), { recursive: true });
  rmSync(tfjsReasonFile, { force: true });
  try {
    console.log('Setting up @tensorflow/tfjs-node for the tests in .cache/tfjs');
    setUp();
  } catch (error) {
    const reason = `no tfjs-node: ${reasonOf(error)}`;
    writeFileSync(tfjsReasonFile, reason);
    console.warn(reason);
  }
}
