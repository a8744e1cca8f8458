import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  errorCode,
  errorInfo,
  errorMessage,
  PositionLostError,
  RecordsRefusedError,
  RetryableSinkError,
  RunLogError,
  RunOpenError,
  TerminalSinkError,
  UndeliveredError,
} from './errors.ts';

describe('an error that leaves Runcast', () => {
  const cause = new Error('below');

  it.each([
    [new ConfigError([]), 'ConfigError', 'RUNCAST_CONFIG'],
    [new RunOpenError('m', { cause }), 'RunOpenError', 'RUNCAST_RUN_OPEN'],
    [new RunLogError('m', { cause }), 'RunLogError', 'RUNCAST_RUN_LOG'],
    [new RetryableSinkError('m', { cause }), 'RetryableSinkError', 'RUNCAST_SINK_RETRYABLE'],
    [new TerminalSinkError('m', { cause }), 'TerminalSinkError', 'RUNCAST_SINK_TERMINAL'],
    [new PositionLostError('m', { cause }), 'PositionLostError', 'RUNCAST_POSITION_LOST'],
    [new RecordsRefusedError([]), 'RecordsRefusedError', 'RUNCAST_RECORDS_REFUSED'],
    [new UndeliveredError('jsonl', 3, 'disk full'), 'UndeliveredError', 'RUNCAST_UNDELIVERED'],
  ])('%s has its name and a stable code', (error, name, code) => {
    expect(error).toBeInstanceOf(Error);
    expect([error.name, errorCode(error)]).toEqual([name, code]);
  });

  it('keeps its cause', () => {
    expect(new RunOpenError('m', { cause }).cause).toBe(cause);
    expect(new RetryableSinkError('m', { cause, retryAfterMs: 5 })).toMatchObject({ cause, retryAfterMs: 5 });
    expect(new RetryableSinkError('m').retryAfterMs).toBeUndefined();
    const held = new Map([['w1', 3]]);
    expect(new PositionLostError('m', { cause, held })).toMatchObject({ cause, held });
  });
});

it('tells all problems of a configuration at once', () => {
  const [first, second] = [
    { variable: 'A__B', message: 'expects true or false' },
    { variable: 'run.id', message: 'is empty' },
  ];
  expect(new ConfigError([first]).message).toBe('1 configuration problem\n  A__B: expects true or false');
  expect(new ConfigError([first, second]).message).toBe(
    '2 configuration problems\n  A__B: expects true or false\n  run.id: is empty',
  );
  expect(new ConfigError([first, second]).problems).toEqual([first, second]);
});

it('tells how many records were refused, and the first reason', () => {
  expect(new RecordsRefusedError([{ seq: 3, reason: 'too old' }]).message).toBe(
    '1 records refused, the first because: too old',
  );
  expect(new RecordsRefusedError([]).message).toContain('no reason given');
});

it('tells what is owed to which sink', () => {
  expect(new UndeliveredError('wandb', 12, 'timeout')).toMatchObject({
    message: 'wandb: 12 records not delivered: timeout',
    sink: 'wandb',
    owedRecords: 12,
  });
});

describe('anything thrown', () => {
  it.each<[unknown, string, string | undefined]>([
    [new Error('plain'), 'plain', undefined],
    [Object.assign(new Error('system'), { code: 'ENOSPC' }), 'system', 'ENOSPC'],
    [Object.assign(new Error('numeric'), { code: 5 }), 'numeric', undefined],
    ['text', 'text', undefined],
    [undefined, 'undefined', undefined],
    [{ code: 'X' }, '[object Object]', undefined],
    [{ __proto__: null }, 'an error that cannot be shown', undefined],
  ])('%o has a message and perhaps a code', (thrown, message, code) => {
    expect([errorMessage(thrown), errorCode(thrown)]).toEqual([message, code]);
    expect(errorInfo(thrown)).toEqual({ message, code: code ?? 'UNKNOWN' });
  });
});
