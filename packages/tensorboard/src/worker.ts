/** The thread in which SVGs are drawn for a thread that waits: see svg-rasteriser.ts. */

import { MessagePort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { serveDrawing, type DrawingTask } from './serve-drawing.ts';

const drawingTask: z.ZodType<DrawingTask> = z.object({
  files: z.object({ wasm: z.string(), fonts: z.array(z.string()) }),
  port: z.instanceof(MessagePort),
  cell: z.instanceof(SharedArrayBuffer),
});

void serveDrawing(drawingTask.parse(workerData));
