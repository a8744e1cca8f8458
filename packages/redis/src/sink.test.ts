import { RetryableSinkError } from '@runcast/core';
import { batchOf, sinkContext, stepRecord } from '@runcast/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ScriptedServer, type Answer } from '../test/scripted-server.ts';
import { createRedisSink } from './sink.ts';

const RUN = sinkContext({ runId: 'run-1', runDirectory: '/' });
const BATCH = batchOf('w1', [stepRecord({ seq: 0 })]);
const NEXT = batchOf('w1', [stepRecord({ seq: 1 })]);

let server: ScriptedServer;
let sink = createRedisSink({});

beforeEach(async () => {
  server = await ScriptedServer.listen(() => ':-1\r\n');
  sink = createRedisSink({ url: server.url });
  await sink.open?.(RUN);
});

afterEach(async () => {
  await sink.close({ status: 'finished', final: true });
  server.close();
});

/** Answers to one command; as after a first write to all others. */
function answering(command: string, answer: string): Answer {
  return (asked) => (asked === command ? answer : ':0\r\n');
}

it.each([
  ['EVAL', '+what\r\n', 'answered EVAL with "what"'],
  ['EVAL', '-ERR user_script:3: a bug\r\n', 'a bug'],
  // Between the script and the question the server has been given what it lacked, by whoever was late.
  ['EVAL', ':-1\r\n', 'had less of w1'],
])('repeats a write where %s is answered with %j', async (command, answer, problem) => {
  await sink.write(BATCH);
  server.answer = (asked) => (asked === 'HMGET' ? '*1\r\n$1\r\n0\r\n' : answering(command, answer)(asked));
  const writing = (async () => sink.write(NEXT))();
  await expect(writing).rejects.toThrow(RetryableSinkError);
  await expect(writing).rejects.toThrow(problem);
  expect(sink.position?.()).toEqual({ held: { w1: 0 } });
});

it.each([':1\r\n', '*2\r\n:1\r\n:1\r\n'])('asks again for positions where the answer is %j', async (answer) => {
  const other = createRedisSink({ url: server.url });
  await other.open?.({ ...RUN, position: { held: { w1: 0 } } });
  server.answer = answering('HMGET', answer);
  await expect((async () => other.write(NEXT))()).rejects.toThrow('answered HMGET with');
  server.answer = (asked) => (asked === 'HMGET' ? '*1\r\n$1\r\n0\r\n' : ':0\r\n');
  await other.write(NEXT);
  await other.close({ status: 'finished', final: true });
});

it.each([
  ['*2\r\n:0\r\n:0\r\n', 'has not written its append-only file in time'],
  ['+what\r\n', 'has not written its append-only file in time'],
  ['-LOADING it is back\r\n', 'loading its data'],
])('is not flushed where the append-only file is answered for with %j', async (answer, problem) => {
  await sink.write(BATCH);
  server.answer = answering('WAITAOF', answer);
  await expect((async () => sink.flush())()).rejects.toThrow(problem);
});

it('writes nothing, and asks for nothing, where a batch holds nothing', async () => {
  server.answer = () => '-ERR not to be asked\r\n';
  await sink.write({ writer: 'w1', from: 0, to: 5, records: [] });
  expect(sink.position?.()).toEqual({ held: {} });
});
