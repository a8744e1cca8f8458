import { RetryableSinkError } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { Patience } from './patience.ts';

describe('patience', () => {
  it('refuses requests of the kind that was told to wait, until the time is over', () => {
    let now = 100;
    const patience = new Patience(() => now);
    patience.check('UpsertBucket');
    patience.wait('UpsertBucket', 1000);
    now = 400;
    const error = new RetryableSinkError('W&B has asked to wait before the next request for UpsertBucket', {
      retryAfterMs: 700,
    });
    expect(() => patience.check('UpsertBucket')).toThrow(error);
    patience.check('the file stream');
    now = 1100;
    patience.check('UpsertBucket');
    now = 0;
    patience.check('UpsertBucket');
  });

  it('goes by a clock of its own', () => {
    const patience = new Patience();
    patience.wait('Viewer', 60_000);
    expect(() => patience.check('Viewer')).toThrow(RetryableSinkError);
  });
});
