// Which sinks the settings of a trainer mean.
import type { SinkSpec } from '@runcast/core';
import { jsonlSink } from '@runcast/jsonl';
import { redisSink } from '@runcast/redis';
import { storeSink } from '@runcast/store';
import { tensorboardSink } from '@runcast/tensorboard';
import { wandbSink } from '@runcast/wandb';
import {
  eventsFolder,
  FAULTS_STREAM,
  faultSwitch,
  rowsFolder,
  storeFile,
  WANDB_TEST_KEY,
  type TrainerSettings,
} from './trainer-settings.ts';

/** The sinks as data: fit for a worker, for the caller's loop and for a later delivery. */
export function sinkSpecs({
  folder,
  sinks,
  backend,
}: Pick<TrainerSettings, 'folder' | 'sinks' | 'backend'>): readonly SinkSpec[] {
  return sinks.map((sink): SinkSpec => {
    switch (sink) {
      case 'jsonl':
        return jsonlSink({ dir: rowsFolder(folder) });
      case 'tensorboard':
        return tensorboardSink({ logDir: eventsFolder(folder), logEveryNSteps: 1 });
      case 'faulty-jsonl':
      case 'mortal-jsonl':
        return faultySink(sink.split('-')[0] ?? '', 'jsonl', folder, { dir: rowsFolder(folder) });
      case 'faulty-tensorboard':
        return faultySink('faulty', 'tensorboard', folder, { logDir: eventsFolder(folder) });
      case 'tfjs-tensorboard':
        return sinkOf('tensorboard', './tfjs-tensorboard-sink.ts', { logDir: eventsFolder(folder) });
      case 'http':
        return sinkOf('http', './http-sink.ts', { url: backend });
      case 'wandb':
        return wandbSink({ apiKey: WANDB_TEST_KEY, baseUrl: backend });
      case 'wandb-sdk':
        return wandbSink({ apiKey: WANDB_TEST_KEY, baseUrl: backend, engine: 'sdk' });
      case 'redis':
        return redisSink({ url: backend, stream: FAULTS_STREAM });
      case 'sqlite':
        return storeSink({ url: `sqlite:${storeFile(folder)}` });
      case 'postgres':
        return storeSink({ url: backend });
      default:
        return sink satisfies never;
    }
  });
}

function faultySink(how: string, name: string, folder: string, config: SinkSpec['config']): SinkSpec {
  return sinkOf(name, `./${how}-${name}-sink.ts`, { faultSwitch: faultSwitch(folder, name), config });
}

function sinkOf(name: string, module: string, config: SinkSpec['config']): SinkSpec {
  return { name, module: new URL(module, import.meta.url).href, config };
}
