import { expect, it } from 'vitest';
import { groupText, relayEventText, statusText } from './relay-text.ts';

const STATUS = {
  relay: 'near-1',
  token: 3,
  since: 0,
  position: '5-0',
  lag: 1200,
  entries: 5000,
  entries_per_second: 1000,
  records: 4900,
  repeated: 0,
  dead_letters: 0,
  missed: 0,
  open_runs: 1,
  backlog: [{ sink: 'jsonl', records: 0, bytes: 0 }],
};
const GROUP = { stream: 's', group: 'lab', entries: 7000, lag: 1200, position: '5-0', reader: STATUS };
const URL = 'redis://:secret@host:6379/0';

it('says how a relay is doing, and only what is wrong beside', () => {
  expect(statusText(STATUS)).toBe('5,000 entries (1,000/s), 1,200 to be read');
  const backlog = [{ sink: 'wandb', records: 12, bytes: 3000 }];
  expect(statusText({ ...STATUS, backlog, dead_letters: 2, missed: 30 })).toBe(
    '5,000 entries (1,000/s), 1,200 to be read; wandb is owed 12 records; 2 set aside; 30 trimmed unread',
  );
});

it('says how a group is doing, without the password', () => {
  expect(groupText(GROUP, URL)).toBe(
    's on redis://host:6379/0 has 7,000 entries, 1,200 to be read after 5-0\n' +
      'group lab: read by near-1: 5,000 entries (1,000/s), 1,200 to be read',
  );
  expect(groupText({ ...GROUP, lag: null, reader: null }, URL)).toContain(
    'an unknown number to be read after 5-0\ngroup lab: no',
  );
});

it.each([
  [{ type: 'standby' }, 'another relay of lab reads s; waiting to take over'],
  [{ type: 'active', token: 2, position: '0-0' }, 'reading s for lab after 0-0 (token 2)'],
  [{ type: 'ended', reason: 'lost' }, 'not reading any more: lost'],
  [{ type: 'trouble', message: 'refused' }, 'refused; trying again'],
  [{ type: 'deadLetter', id: '5-0', reason: 'is not JSON' }, 'entry 5-0 is not JSON; set aside in dead-letters.jsonl'],
  [
    { type: 'missed', entries: 1500 },
    '1,500 entries were trimmed from s before they could be read; raise REDIS__MAX_LEN',
  ],
  [
    { type: 'delivery', run: 'run-1', event: { type: 'recovered', sink: 'jsonl', attempts: 2 } },
    'run-1: jsonl: works again after 2 failed attempts',
  ],
  [
    {
      type: 'delivery',
      run: 'run-1',
      event: { type: 'retry', sink: 'jsonl', attempt: 2, delayMs: 1, error: { message: '', code: '' } },
    },
    undefined,
  ],
] as const)('%j is a line', (event, text) => {
  expect(relayEventText(event, 's', 'lab')).toBe(text);
});
