import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isSinkSpec } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { tensorboardSink, tensorboardTraits } from './index.ts';

describe('tensorboardSink', () => {
  it('is a spec that crosses threads, with an absolute directory', () => {
    const spec = tensorboardSink({ logDir: 'tb', flushSecs: 5, logEveryNSteps: 2 });
    expect(isSinkSpec(spec)).toBe(true);
    expect(spec).toMatchObject({
      name: 'tensorboard',
      config: { logDir: path.resolve('tb'), flushSecs: 5, logEveryNSteps: 2 },
    });
    expect(structuredClone(spec.config)).toEqual(spec.config);
  });

  it('names a module that makes the same sink', async () => {
    const spec = tensorboardSink({ logDir: 'tb' });
    expect(existsSync(fileURLToPath(spec.module))).toBe(true);
    const sink = (await spec.load?.())?.createSink(spec.config);
    expect(sink).toMatchObject({ name: 'tensorboard', traits: tensorboardTraits, logEveryNSteps: 10 });
    const loaded: unknown = await import(spec.module);
    expect(loaded).toBe(await spec.load?.());
  });

  it('refuses options out of range when it is called', () => {
    expect(() => tensorboardSink({ logDir: 'tb', flushSecs: 0 })).toThrow('tensorboard.flushSecs');
  });
});
