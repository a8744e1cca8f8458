// Delivers a run in a process of its own, to be killed in the middle of it. Says `delivering` when it begins.
import { writeSync } from 'node:fs';
import { deliverRun } from './deliver-run.ts';
import { readSettings } from './trainer-settings.ts';

const settings = readSettings();
writeSync(1, 'opened\n');
const settlements = await deliverRun(settings, settings.closeTimeoutMs);
for (const { sink, owedRecords, reason } of settlements)
  if (reason !== undefined) writeSync(1, `owed ${sink} ${owedRecords}\n`);
writeSync(1, 'closed 0\n');
