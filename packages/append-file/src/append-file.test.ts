import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppendFile, type AppendFileSystem, openAppendFile, ShortFileError } from './index.ts';

let place = '';
let path = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'runcast-append-'));
  path = join(place, 'file');
});

afterEach(() => {
  rmSync(place, { recursive: true });
});

/** How calls are answered, in turn; those after the last answer, and those answered `real`, by the system. */
interface Answers {
  /** A number is how many bytes are taken. */
  readonly writeSync?: ('real' | Error | number)[];
  readonly ftruncateSync?: ('real' | Error)[];
  readonly fstatSync?: Error[];
  readonly fsyncSync?: Error[];
}

function answering(answers: Answers): AppendFileSystem {
  const next = (call: keyof Answers): number => {
    const answer = answers[call]?.shift() ?? 'real';
    if (answer instanceof Error) throw answer;
    return answer === 'real' ? Infinity : answer;
  };
  return {
    openSync,
    closeSync,
    writeSync: (fd, bytes, offset, length, position) =>
      writeSync(fd, bytes, offset, Math.min(length, next('writeSync')), position),
    ftruncateSync: (fd, length) => {
      next('ftruncateSync');
      ftruncateSync(fd, length);
    },
    fstatSync: (fd) => {
      next('fstatSync');
      return fstatSync(fd);
    },
    fsyncSync: (fd) => {
      next('fsyncSync');
      fsyncSync(fd);
    },
  };
}

const FULL = new Error('ENOSPC: no space left');
const BROKEN = new Error('EIO: broken disk');

function content(): string {
  return readFileSync(path, 'utf8');
}

describe('opening', () => {
  it('creates a file that does not exist, and no other', () => {
    openAppendFile(path, { mode: 'create' }).close();
    // Whatever the umask is: executable for nobody, writable for nobody else.
    expect(statSync(path).mode & 0o133).toBe(0);
    expect(() => openAppendFile(path, { mode: 'create' })).toThrow('EEXIST');
  });

  it('reopens a file that exists, and no other', () => {
    expect(() => openAppendFile(path, { mode: 'reopen' })).toThrow('ENOENT');
    writeFileSync(path, 'row\n');
    const file = openAppendFile(path, { mode: 'reopen' });
    expect(file.length).toBe(4);
    expect(file.path).toBe(path);
    file.appendText('next\n');
    file.close();
    expect(content()).toBe('row\nnext\n');
  });

  it('takes either', () => {
    openAppendFile(path, { mode: 'either' }).close();
    openAppendFile(path, { mode: 'either' }).close();
    expect(content()).toBe('');
  });

  it('cuts off what lies behind the length to go on from', () => {
    writeFileSync(path, 'row\ntorn ro');
    const file = openAppendFile(path, { mode: 'reopen', length: 4 });
    expect(content()).toBe('row\n');
    file.appendText('next\n');
    file.close();
    expect(content()).toBe('row\nnext\n');
  });

  it('leaves a file of the right length alone', () => {
    writeFileSync(path, 'row\n');
    const fileSystem = answering({ ftruncateSync: [BROKEN] });
    openAppendFile(path, { mode: 'reopen', length: 4, fileSystem }).close();
    expect(content()).toBe('row\n');
  });

  it('tells a file that is shorter than the length to go on from', () => {
    writeFileSync(path, 'row\n');
    const open = (): AppendFile => openAppendFile(path, { mode: 'reopen', length: 5 });
    expect(open).toThrow(ShortFileError);
    expect(open).toThrow(`${path} has 4 bytes where 5 were expected`);
    expect(content()).toBe('row\n');
  });

  it('refuses what is not a regular file', () => {
    mkdirSync(path);
    expect(() => openAppendFile(path, { mode: 'reopen' })).toThrow('EISDIR');
    expect(() => openAppendFile('/dev/null', { mode: 'reopen' })).toThrow('/dev/null is not a regular file');
  });

  it.each(['fstatSync', 'ftruncateSync'] as const)('releases the descriptor where %s fails', (call) => {
    writeFileSync(path, 'row\n');
    const fileSystem = answering({ [call]: [BROKEN] });
    const closed: number[] = [];
    const closeSync = (fd: number): void => {
      closed.push(fd);
      fileSystem.closeSync(fd);
    };
    expect(() => openAppendFile(path, { mode: 'reopen', length: 0, fileSystem: { ...fileSystem, closeSync } })).toThrow(
      'EIO',
    );
    expect(closed).toHaveLength(1);
  });
});

describe('appending', () => {
  it('is with the operating system when it returns', () => {
    const file = openAppendFile(path, { mode: 'create' });
    file.append(Buffer.from('bytes '));
    expect(content()).toBe('bytes ');
    file.appendText('text');
    expect(content()).toBe('bytes text');
    file.sync();
    file.close();
  });

  it('goes on where the system took a part only', () => {
    const fileSystem = answering({ writeSync: [1, 2] });
    const file = openAppendFile(path, { mode: 'create', fileSystem });
    file.appendText('whole row\n');
    file.close();
    expect(content()).toBe('whole row\n');
  });

  it('keeps any text, whatever its length and characters', () => {
    const edge = fc.constantFrom(
      'x'.repeat(65_536),
      '損'.repeat(65_536),
      'x'.repeat(65_537),
      '😀'.repeat(32_769),
      '\uD800',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), edge), { maxLength: 5 }), (texts) => {
        const file = openAppendFile(path, { mode: 'either', length: 0 });
        for (const text of texts) file.appendText(text);
        const { length } = file;
        file.close();
        expect(content()).toBe(texts.map((text) => text.toWellFormed()).join(''));
        expect(length).toBe(statSync(path).size);
      }),
      { numRuns: 15 },
    );
  });

  it('keeps nothing of an append that failed, and takes it again', () => {
    const file = openAppendFile(path, { mode: 'create', fileSystem: answering({ writeSync: ['real', 3, FULL] }) });
    file.appendText('good\n');
    expect(() => file.appendText('again\n')).toThrow(FULL);
    expect(file.length).toBe(5);
    expect(content()).toBe('good\n');
    file.appendText('again\n');
    file.close();
    expect(content()).toBe('good\nagain\n');
  });

  it('cuts before the next append what it could not cut at once', () => {
    const fileSystem = answering({ writeSync: [3, FULL], ftruncateSync: [BROKEN, BROKEN] });
    const file = openAppendFile(path, { mode: 'create', fileSystem });
    expect(() => file.appendText('longer row\n')).toThrow(FULL);
    expect(content()).toBe('lon');
    expect(() => file.appendText('x')).toThrow(BROKEN);
    file.appendText('x');
    file.close();
    expect(content()).toBe('x');
  });

  it('does not hang on a file that takes nothing', () => {
    const file = openAppendFile(path, { mode: 'create', fileSystem: answering({ writeSync: [0] }) });
    expect(() => file.appendText('row')).toThrow(`${path} takes no more bytes`);
    file.close();
  });

  it('holds exactly the appends that returned, whatever fails in between', () => {
    const failure = fc.constantFrom('real' as const, 'real' as const, FULL, BROKEN);
    const writes = fc.array(fc.oneof(failure, fc.nat(12)), { maxLength: 16 });
    const texts = fc.array(fc.string({ maxLength: 10 }), { maxLength: 12 });
    fc.assert(
      fc.property(writes, fc.array(failure, { maxLength: 6 }), texts, (writeSync, ftruncateSync, appended) => {
        rmSync(path, { force: true });
        const fileSystem = answering({ writeSync: [...writeSync], ftruncateSync: [...ftruncateSync] });
        const file = openAppendFile(path, { mode: 'create', fileSystem });
        const kept: string[] = [];
        for (const text of appended) {
          try {
            file.appendText(text);
            kept.push(text);
          } catch {
            // Told, as it must be: the file has to be without it.
          }
        }
        const { length } = file;
        file.close();
        openAppendFile(path, { mode: 'reopen', length }).close();
        expect(content()).toBe(kept.join(''));
      }),
    );
  });
});

describe('closing', () => {
  it('is done once, and ends appending and syncing', () => {
    const closing: number[] = [];
    const fileSystem = answering({});
    const closeSync = (fd: number): void => {
      closing.push(fd);
      fileSystem.closeSync(fd);
    };
    const file = openAppendFile(path, { mode: 'create', fileSystem: { ...fileSystem, closeSync } });
    file.close();
    file.close();
    expect(closing).toHaveLength(1);
    expect(() => file.appendText('late')).toThrow(`${path} is closed`);
    expect(() => file.append(Buffer.from('late'))).toThrow(`${path} is closed`);
    expect(() => file.sync()).toThrow(`${path} is closed`);
  });

  it('tells a sync that failed', () => {
    const file = openAppendFile(path, {
      mode: 'create',
      fileSystem: answering({ fsyncSync: [BROKEN] }),
    });
    expect(() => file.sync()).toThrow(BROKEN);
    file.close();
  });

  it('does without a sync where the process may not make one', () => {
    const denied = Object.assign(new Error('fsync API is disabled'), { code: 'ERR_ACCESS_DENIED' });
    const file = openAppendFile(path, { mode: 'create', fileSystem: answering({ fsyncSync: [denied] }) });
    expect(() => file.sync()).not.toThrow();
    file.close();
  });
});
