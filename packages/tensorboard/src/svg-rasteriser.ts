/**
 * SVGs drawn while the caller waits. Sinks are synchronous; the renderer is not to be trusted: there are SVGs that make it
 * panic, and small ones that it would draw for years. So it lives in a thread of its own, which is given up after a while
 * and where it broke, and whose answer this thread sleeps for.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { errorMessage } from '@runcast/core';
import type { RendererFiles } from './draw-svg.ts';
import { drawingAnswer, WAITING, type DrawingTask } from './serve-drawing.ts';

/** A chart takes some milliseconds, the first of a thread some hundred. */
const TIME_LIMIT_MS = 10_000;

/** The files of optional dependencies: a renderer, and fonts, since SVGs have to look the same on machines without any. */
const WASM = '@resvg/resvg-wasm/index_bg.wasm';
const FONTS = ['dejavu-fonts-ttf/ttf/DejaVuSans.ttf', 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'];
const HINT = 'npm install @resvg/resvg-wasm dejavu-fonts-ttf';

export interface SvgRasteriserOptions {
  /** How a file of an installed package is found; as `require` finds it where left out. */
  readonly resolve?: (file: string) => string;
  /** The thread's module; the one beside this one where left out. */
  readonly workerUrl?: URL;
  /** How long a drawing may take, the start of the thread included; 10 s where left out. */
  readonly timeLimitMs?: number;
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly state: Int32Array<SharedArrayBuffer>;
}

/** What draws the SVGs of a sink. */
export interface Rasteriser {
  /** A PNG of the SVG's own size, the same bytes each time; or why there is none. Never throws. */
  draw(svg: string): Uint8Array | string;
  /** Releases what drawing has acquired, so that a process can end. */
  close(): void;
}

/** Starts its thread with the first drawing, and ends it with {@link close}. */
export class SvgRasteriser implements Rasteriser {
  readonly #options: SvgRasteriserOptions;
  #thread: Thread | undefined;

  constructor(options: SvgRasteriserOptions = {}) {
    this.#options = options;
  }

  draw(svg: string): Uint8Array | string {
    try {
      this.#thread ??= this.#start();
      return this.#ask(this.#thread, svg);
    } catch (error) {
      return errorMessage(error);
    }
  }

  close(): void {
    this.#thread?.port.close();
    void this.#thread?.worker.terminate();
    this.#thread = undefined;
  }

  #ask({ port, state }: Thread, svg: string): Uint8Array | string {
    const { timeLimitMs = TIME_LIMIT_MS } = this.#options;
    Atomics.store(state, 0, WAITING);
    port.postMessage(svg);
    Atomics.wait(state, 0, WAITING, timeLimitMs);
    const received = receiveMessageOnPort(port);
    if (received === undefined) {
      this.close();
      return `drawing the SVG took more than ${timeLimitMs / 1000} s`;
    }
    const answer = drawingAnswer.parse(received.message);
    if ('png' in answer) return answer.png;
    if (answer.broken) this.close();
    return answer.problem;
  }

  #start(): Thread {
    const { workerUrl = new URL(`./worker${path.extname(import.meta.url)}`, import.meta.url) } = this.#options;
    // A thread that cannot be loaded would never answer.
    if (!existsSync(fileURLToPath(workerUrl)))
      throw new Error(`SVG images cannot be drawn: ${fileURLToPath(workerUrl)} is not to be found, as after bundling`);
    const files = this.#findFiles();
    const { port1, port2 } = new MessageChannel();
    const cell = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const task: DrawingTask = { files, port: port2, cell };
    const worker = new Worker(workerUrl, {
      name: 'runcast-svg',
      workerData: task,
      transferList: [port2],
      // A caller's loaders and flags are for its own code.
      execArgv: workerUrl.pathname.endsWith('.ts')
        ? ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning']
        : [],
      env: {},
    });
    // What goes wrong is seen by the answer that does not come; unheard, it would end the process.
    worker.on('error', () => undefined);
    worker.unref();
    port1.unref();
    return { worker, port: port1, state: new Int32Array(cell) };
  }

  #findFiles(): RendererFiles {
    const { resolve = createRequire(import.meta.url).resolve } = this.#options;
    try {
      return { wasm: resolve(WASM), fonts: FONTS.map((font) => resolve(font)) };
    } catch (error) {
      throw new Error(`drawing SVG images needs optional packages, which are not installed: ${HINT}`, { cause: error });
    }
  }
}
