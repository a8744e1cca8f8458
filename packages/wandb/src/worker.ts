/** The thread that W&B's own client for Node lives on: see sdk-thread.ts. */

import { MessagePort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { loadSdk } from './sdk-client.ts';
import type { SdkTask } from './sdk-messages.ts';
import { serveSdk } from './serve-sdk.ts';

const sdkTask: z.ZodType<SdkTask> = z.object({
  client: z.string(),
  baseUrl: z.string(),
  apiKey: z.string(),
  port: z.instanceof(MessagePort),
});

const { client, port, ...settings } = sdkTask.parse(workerData);
serveSdk(port, { ...settings, silent: true }, () => loadSdk(client));
