import { openRecord, stepRecord } from '@runcast/testing';
import { describe, expect, it } from 'vitest';
import { behindOthers, joinRun, missingLines, resumeAt, unsent } from './join-run.ts';
import type { ServerRunStatus } from './operations.ts';
import { configText, encodeBatch, summaryText } from './run-encoder.ts';
import { begun, identityOf, NEW_RUN, type RunState } from './run-state.ts';

const IDENTITY = identityOf(openRecord());
const WHERE = 'team/demo/run-1';

function stateAfter(steps: number, from: RunState = NEW_RUN): RunState {
  const records = [
    openRecord(),
    ...Array.from({ length: steps }, (_, step) => stepRecord({ seq: step + 1, n: step + 1, step })),
  ];
  const batch = { writer: 'w1', from: 0, to: steps, records };
  return encodeBatch(begun(from, IDENTITY, batch), batch, { images: 'both' }).state;
}

/** What the server tells of a run that `state` was sent of, and `others` lines behind it. */
function statusOf(state: RunState, others = 0): ServerRunStatus {
  const { lines } = state.history;
  return {
    id: 'storage-id',
    historyLineCount: lines + others,
    eventsLineCount: 2,
    historyTail: JSON.stringify([`{"_step":${lines + others - 1},"x":NaN}`]),
    config: configText(state),
    summaryMetrics: summaryText(state, lines),
    tags: ['old'],
  };
}

describe('a run that nothing is known to be delivered of', () => {
  it('begins where the server knows nothing of it', () => {
    expect(joinRun(IDENTITY, undefined, WHERE)).toMatchObject({ state: NEW_RUN, notice: undefined });
    expect(joinRun(IDENTITY, { id: 'x', config: '{}' }, WHERE)).toMatchObject({ state: NEW_RUN, notice: undefined });
  });

  it("is known by its writer's name: what was sent of it is not sent again", () => {
    const { state, server, notice } = joinRun(IDENTITY, statusOf(stateAfter(5)), WHERE);
    expect([state, notice]).toEqual([{ ...NEW_RUN, base: { ...NEW_RUN.base, own: {} } }, undefined]);
    expect(server).toMatchObject({ own: 5, lines: 5 });
  });

  it("goes on behind what somebody else has there, and keeps the other's configuration and summary", () => {
    const status: ServerRunStatus = {
      id: 'x',
      historyLineCount: 3,
      eventsLineCount: 1,
      historyTail: '["{\\"_step\\":7}"]',
      config: JSON.stringify({
        lr: { value: 0.1 },
        plain: 1,
        _wandb: { value: { t: { '1': [5] }, m: [{ '1': 'x', '6': [3], '7': [] }], visualize: { bars: {} } } },
      }),
      summaryMetrics: '{"loss":NaN,"best":{"max":1}}',
      tags: ['theirs'],
    };
    const { state, notice } = joinRun(IDENTITY, status, WHERE);
    expect(state).toMatchObject({
      base: { lines: 3, events: 1, step: 7 },
      history: { lines: 3, step: 7, open: null },
      events: 1,
      config: [
        ['lr', 0.1],
        ['plain', 1],
      ],
      tags: ['theirs'],
      summary: [
        ['loss', 'NaN'],
        ['best', '{"max":1}'],
      ],
    });
    expect(notice).toBe(`W&B has a run ${WHERE} with 3 rows that is not this log's; rows are added behind them`);
    const sent = stateAfter(1, state);
    expect(sent.history).toMatchObject({ lines: 4, step: 7 });
    const config: unknown = JSON.parse(configText(sent));
    expect(config).toMatchObject({
      lr: { value: 0.1 },
      _wandb: {
        value: {
          t: { '1': [5] },
          visualize: { bars: {} },
          runcast: { writer: 'w1', lines: 3, events: 1, step: 7 },
          m: [
            { '1': 'x', '6': [3], '7': [] },
            { '1': 'train/step', '6': [3], '7': [] },
            { '2': 'train/*', '5': 2, '6': [1], '7': [] },
          ],
        },
      },
    });
    // Begun again by the same log, it knows where its own rows begin.
    expect(joinRun(IDENTITY, { ...status, historyLineCount: 4, config: configText(sent) }, WHERE).state).toMatchObject({
      history: { lines: 3, step: 7, open: null },
    });
  });
});

describe('a run with a position', () => {
  const state = stateAfter(5);

  it('goes on there', () => {
    expect(resumeAt(state, statusOf(state), WHERE)).toMatchObject({
      state,
      server: { own: 5, lines: 5 },
      notice: undefined,
    });
  });

  it('is lost where the server has less, or nothing', () => {
    expect(missingLines(state, statusOf(state), WHERE)).toBeUndefined();
    expect(missingLines(state, undefined, WHERE)).toBe('W&B has no run team/demo/run-1 any more');
    expect(missingLines(state, statusOf(stateAfter(4)), WHERE)).toBe(
      'W&B has 4 rows of team/demo/run-1 where 5 were sent',
    );
    // A server that counts late knows by its summary what it has.
    expect(missingLines(state, { ...statusOf(state), historyLineCount: 3 }, WHERE)).toBeUndefined();
    expect(resumeAt(state, { ...statusOf(state), historyLineCount: 3 }, WHERE).server.lines).toBe(5);
  });

  it('tells what an interrupted batch has left from what others have added', () => {
    expect(resumeAt(state, statusOf(stateAfter(8)), WHERE)).toMatchObject({
      server: { own: 8, lines: 8 },
      notice: undefined,
    });
    expect(resumeAt(state, statusOf(state, 3), WHERE)).toMatchObject({
      server: { own: 5, lines: 8 },
      notice: `W&B has 3 rows of ${WHERE} that are not this log's; rows are added behind them`,
    });
    const unknown = { ...statusOf(state, 3), summaryMetrics: undefined, historyTail: 'none' };
    expect(resumeAt(state, unknown, WHERE)).toMatchObject({ server: { own: 5, lines: 8, last: '' } });
  });
});

describe('what has to be sent', () => {
  const write = { offset: 3, content: ['{"_step":3}', '{"_step":4,"x":1}', '{"_step":5}'] };
  const server = { own: 5, lines: 5, events: 0, last: '{"_step":4,"x":1,"y":2}' };

  it('is what is not there yet', () => {
    expect(unsent(write, server)).toEqual({ offset: 5, content: ['{"_step":5}'] });
    expect(unsent(write, { ...server, own: 0, lines: 0 })).toEqual(write);
    expect(unsent(write, { ...server, own: 9, lines: 9 })).toEqual({ offset: 6, content: [] });
  });

  it('is the last line as well, where that is there without its later keys', () => {
    const { content } = unsent(write, { ...server, last: '{"_step":4}' });
    expect(content).toEqual(['{"_step":4,"x":1}', '{"_step":5}']);
  });

  it("goes behind somebody else's lines", () => {
    const others = { ...server, lines: 8, last: '{"_step":9}' };
    expect(unsent(write, others)).toEqual({ offset: 8, content: ['{"_step":5}'] });
    const state = stateAfter(5);
    expect(behindOthers(state, others).history).toEqual({ lines: 8, step: 9, open: null });
    expect(behindOthers(stateAfter(6), { ...others, last: '' }).history).toMatchObject({
      lines: 9,
      step: 5,
      open: { step: 5 },
    });
    expect(behindOthers(stateAfter(4), others).history.lines).toBe(4);
    expect(behindOthers(state, { ...server, events: 7 })).toBe(state);
  });
});
