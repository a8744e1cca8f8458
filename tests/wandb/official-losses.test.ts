// What our documentation says that W&B's official client loses, it loses; and what it does not, we do not claim.
import { beforeAll, describe, expect, it } from 'vitest';
import { missingClient } from './official-client.ts';
import { measureLosses, type Loss } from './official-losses.ts';

describe.skipIf(missingClient !== undefined)('the official client', () => {
  let losses: ReadonlyMap<string, Loss>;

  beforeAll(async () => {
    losses = new Map((await measureLosses()).map((loss) => [loss.fault, loss]));
  });

  it('has sent next to nothing when it is killed within the 15 seconds between two of its requests', () => {
    const loss = losses.get('kill -9 two seconds after the last row');
    expect(loss).toMatchObject({ logged: 200, state: 'running', exitCode: null });
    // What had been logged when the first request left, at the beginning.
    expect(loss?.landed).toBeLessThan(20);
  });

  it('sends nothing more after one 404: it warns, the run stays open, the trainer ends well', () => {
    const loss = losses.get('one 404 from the file stream');
    expect(loss).toMatchObject({ logged: 200, landed: 0, synced: 200, state: 'running', exitCode: 0 });
    expect(loss?.warnings.join('\n')).toContain('Fatal error while uploading data');
  });

  it('loses nothing to one 500', () => {
    expect(losses.get('one 500 from the file stream')).toMatchObject({ landed: 200, state: 'finished', exitCode: 0 });
  });
});
