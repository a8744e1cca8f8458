import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory } from './index.ts';

/** A call that never returns is killed then. */
const DEADLINE_MS = 60_000;

let place = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-make-directory-'));
});

afterEach(() => rmSync(place, { recursive: true }));

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory();
}

describe('a directory that is missing', () => {
  it('is made', () => {
    const path = join(place, 'runs');
    expect(makeDirectory(path)).toBe(path);
    expect(isDirectory(path)).toBe(true);
  });

  it('is made with all that is missing above it, of which the topmost is returned', () => {
    const path = join(place, 'a', 'b', 'c');
    expect(makeDirectory(path)).toBe(join(place, 'a'));
    expect(isDirectory(path)).toBe(true);
  });

  it('gets the mode that Node gives it', () => {
    mkdirSync(join(place, 'by-node', 'below'), { recursive: true });
    makeDirectory(join(place, 'by-us', 'below'));
    const modes = ['by-node', 'by-node/below', 'by-us', 'by-us/below'].map((name) => statSync(join(place, name)).mode);
    expect(new Set(modes).size).toBe(1);
  });
});

describe('a directory that is there', () => {
  it('is left as it is', () => {
    writeFileSync(join(place, 'mine'), '');
    expect(makeDirectory(place)).toBeUndefined();
    expect(makeDirectory('.')).toBeUndefined();
    expect(readdirSync(place)).toEqual(['mine']);
  });

  it('may be one by a link', () => {
    mkdirSync(join(place, 'there'));
    symlinkSync(join(place, 'there'), join(place, 'link'));
    expect(makeDirectory(join(place, 'link'))).toBeUndefined();
    expect(makeDirectory(join(place, 'link', 'below'))).toBe(join(place, 'link', 'below'));
    expect(readdirSync(join(place, 'there'))).toEqual(['below']);
  });
});

describe('what cannot be made', () => {
  it('has a file in its way', () => {
    const file = join(place, 'file');
    writeFileSync(file, '');
    expect(() => makeDirectory(file)).toThrow(`EEXIST: file already exists, mkdir '${file}'`);
    const below = join(file, 'below');
    expect(() => makeDirectory(below)).toThrow(`ENOTDIR: not a directory, mkdir '${below}'`);
  });

  it('has a link to nothing in its way', () => {
    const link = join(place, 'link');
    symlinkSync(join(place, 'nothing'), link);
    expect(() => makeDirectory(link)).toThrow(`EEXIST: file already exists, mkdir '${link}'`);
  });

  it(
    'is where nobody can make any, which is said at once',
    () => {
      const program = `
      import { makeDirectory } from ${JSON.stringify(join(import.meta.dirname, 'make-directory.ts'))};
      try {
        makeDirectory('/proc/runcast/made/here');
      } catch (error) {
        console.log(error.message);
      }`;
      const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
      const output = execFileSync(process.execPath, argv, {
        timeout: DEADLINE_MS,
        killSignal: 'SIGKILL',
        encoding: 'utf8',
      });
      expect(output).toBe("ENOENT: no such file or directory, mkdir '/proc/runcast'\n");
    },
    DEADLINE_MS + 10_000,
  );
});
