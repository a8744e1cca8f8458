// Which sinks the settings of a trainer mean.
import type { SinkSpec } from '@runcast/core';
import { jsonlSink } from '@runcast/jsonl';
import { tensorboardSink } from '@runcast/tensorboard';
import { eventsFolder, faultSwitch, rowsFolder, type TrainerSettings } from './trainer-settings.ts';

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
      case 'http':
        return { name: 'http', module: new URL('./http-sink.ts', import.meta.url).href, config: { url: backend } };
      default:
        return sink satisfies never;
    }
  });
}

function faultySink(how: string, name: string, folder: string, config: SinkSpec['config']): SinkSpec {
  const module = new URL(`./${how}-${name}-sink.ts`, import.meta.url).href;
  return { name, module, config: { faultSwitch: faultSwitch(folder, name), config } };
}
