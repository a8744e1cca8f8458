/**
 * The side of svg-rasteriser.ts that draws: each message is an SVG, and for each there is one answer. The one that asked
 * sleeps meanwhile, so that whatever happens here has to end in an answer and in waking it.
 */

import type { MessagePort } from 'node:worker_threads';
import { errorMessage } from '@runcast/core';
import { z } from 'zod';
import type { RendererFiles } from './draw-svg.ts';

/** What the thread is started with. */
export interface DrawingTask {
  readonly files: RendererFiles;
  readonly port: MessagePort;
  /** One Int32, set to {@link ANSWERED} with each answer. */
  readonly cell: SharedArrayBuffer;
}

/** What {@link DrawingTask.cell} holds while an answer is waited for, and once it is there. */
export const WAITING = 0;
export const ANSWERED = 1;

export type DrawingAnswer =
  | { readonly png: Uint8Array }
  /** `broken`: the renderer is not to be asked again. */
  | { readonly problem: string; readonly broken: boolean };

export const drawingAnswer: z.ZodType<DrawingAnswer> = z.union([
  z.object({ png: z.instanceof(Uint8Array) }),
  z.object({ problem: z.string(), broken: z.boolean() }),
]);

/** Serves the port until it is closed. Never rejects. */
export async function serveDrawing({ files, port, cell }: DrawingTask): Promise<void> {
  const state = new Int32Array(cell);
  const answer = (message: DrawingAnswer): void => {
    port.postMessage(message);
    Atomics.store(state, 0, ANSWERED);
    Atomics.notify(state, 0);
  };
  try {
    const { loadRenderer, UndrawableError } = await import('./draw-svg.ts');
    const draw = await loadRenderer(files);
    port.on('message', (svg: string) => {
      try {
        answer({ png: draw(svg) });
      } catch (error) {
        const broken = !(error instanceof UndrawableError);
        answer({ problem: broken ? `the SVG breaks the renderer: ${errorMessage(error)}` : error.message, broken });
      }
    });
  } catch (error) {
    answer({ problem: `the renderer of SVG images cannot be loaded: ${errorMessage(error)}`, broken: true });
  }
}
