/** Whether W&B answers, and to whom the key belongs, for those who ask before they train. */

import { WandbClient } from './client.ts';
import { VIEWER } from './operations.ts';

const PROBE_TIMEOUT_MS = 10_000;

/** Rejects with why there is no answer, and what to do. */
export async function probeServer(baseUrl: string, apiKey: string): Promise<string> {
  const client = new WandbClient({ baseUrl, apiKey, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  const { viewer } = await client.graphql(VIEWER, {});
  if (viewer === undefined)
    throw new Error('W&B does not know the key; check WANDB_API_KEY (https://wandb.ai/authorize)');
  return `${baseUrl} knows the key as that of ${viewer.username ?? 'a user'}, entity ${viewer.entity ?? 'unknown'}`;
}
