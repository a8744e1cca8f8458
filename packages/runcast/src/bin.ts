#!/usr/bin/env node
/** The `runcast` command as a process. */

import { processEnvironment } from './process-env.ts';
import { startCommand } from './start-command.ts';

void startCommand(process, processEnvironment());
