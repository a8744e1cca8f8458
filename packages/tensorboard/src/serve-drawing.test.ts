import { once } from 'node:events';
import { createRequire } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { RendererFiles } from './draw-svg.ts';
import { ANSWERED, drawingAnswer, serveDrawing, WAITING } from './serve-drawing.ts';

const { resolve } = createRequire(import.meta.url);
const FILES = { wasm: resolve('@resvg/resvg-wasm/index_bg.wasm'), fonts: [] };

/** What comes back for each message, with what the cell holds then. */
async function answers(files: RendererFiles, ...svgs: readonly unknown[]): Promise<readonly string[]> {
  const { port1, port2 } = new MessageChannel();
  const cell = new SharedArrayBuffer(4);
  const state = new Int32Array(cell);
  const found: string[] = [];
  const serving = serveDrawing({ files, port: port2, cell });
  for (const svg of svgs) {
    Atomics.store(state, 0, WAITING);
    const answered = once(port1, 'message');
    port1.postMessage(svg);
    const [answer] = z.tuple([drawingAnswer]).parse(await answered);
    const text = 'png' in answer ? 'png' : `${answer.broken ? 'broken' : 'refused'}: ${answer.problem}`;
    found.push(`${text} (${Atomics.load(state, 0)})`);
  }
  await serving;
  port1.close();
  return found;
}

it('answers each SVG, and says what is wrong with it', async () => {
  const good = '<svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"/>';
  const found = await answers(FILES, good, 'none', good, 7);
  expect(found).toEqual([
    `png (${ANSWERED})`,
    expect.stringMatching(/^refused: the SVG cannot be drawn: .*\(1\)$/u),
    `png (${ANSWERED})`,
    expect.stringMatching(/^broken: the SVG breaks the renderer: .*\(1\)$/u),
  ]);
});

it('answers that there is no renderer', async () => {
  expect(await answers({ ...FILES, wasm: '/nowhere' }, 'any')).toEqual([
    expect.stringMatching(/^broken: the renderer of SVG images cannot be loaded: ENOENT/u),
  ]);
});
