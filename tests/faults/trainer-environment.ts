// What a trainer that joins a run finds in its environment, as a subprocess of a pipeline would.
import { eventsFolder, rowsFolder, storeUrl, type TrainerSettings } from './trainer-settings.ts';

export const CONTEXT_VARIABLE = 'RUNCAST__CONTEXT_FILE';

export function trainerEnvironment(
  settings: Pick<TrainerSettings, 'folder' | 'sinks' | 'host' | 'closeTimeoutMs' | 'backend'>,
): Readonly<Record<string, string>> {
  const store = storeUrl(settings);
  return {
    RUNCAST__HOST: settings.host,
    RUNCAST__CLOSE_TIMEOUT_SECS: String(settings.closeTimeoutMs / 1000),
    JSONL__ENABLED: String(settings.sinks.includes('jsonl')),
    JSONL__DIR: rowsFolder(settings.folder),
    TENSORBOARD__ENABLED: String(settings.sinks.some((sink) => sink === 'tensorboard' || sink === 'tfjs-tensorboard')),
    TENSORBOARD__ENGINE: settings.sinks.includes('tfjs-tensorboard') ? 'tfjs' : 'native',
    TENSORBOARD__LOG_DIR: eventsFolder(settings.folder),
    TENSORBOARD__LOG_EVERY_N_STEPS: '1',
    STORE__ENABLED: String(store !== undefined),
    ...(store === undefined ? {} : { STORE__URL: store }),
  };
}
