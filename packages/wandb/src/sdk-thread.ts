/**
 * A thread for W&B's own client for Node. The client prints, installs handlers of signals that end the process, reads the
 * environment, and throws where nobody can catch it; here that touches neither the trainer nor other sinks, whatever thread the
 * sink itself is on.
 */

import path from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { errorMessage, RetryableSinkError, TerminalSinkError } from '@runcast/core';
import { sdkAnswer, type SdkAnswer, type SdkFailure, type SdkQuestion, type SdkTask } from './sdk-messages.ts';
import { failureOf } from './server-failure.ts';

/** What there is to do about a client that cannot go on. */
export const SDK_ADVICE = 'set WANDB__ENGINE=native and run runcast sync to send the rest';

type Done = Extract<SdkAnswer, { type: 'done' }>;
/** A question without its number. */
export type SdkRequest = SdkQuestion extends infer Question
  ? Question extends SdkQuestion
    ? Omit<Question, 'id'>
    : never
  : never;

export interface SdkThreadOptions extends Omit<SdkTask, 'port'> {
  /** Ends the thread. */
  readonly signal: AbortSignal;
  /** The thread's module; the one beside this one where left out. */
  readonly workerUrl?: URL | undefined;
}

export class SdkThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #id = 0;
  #waiting: PromiseWithResolvers<Done> | undefined;
  #problem: string | undefined;

  constructor({ client, baseUrl, apiKey, signal, workerUrl = defaultWorkerUrl() }: SdkThreadOptions) {
    const { port1, port2 } = new MessageChannel();
    const task: SdkTask = { client, baseUrl, apiKey, port: port2 };
    this.#port = port1;
    this.#worker = new Worker(workerUrl, {
      name: 'runcast-wandb-sdk',
      workerData: task,
      transferList: [port2],
      // A caller's loaders and flags are for its own code, its environment and its terminal are not for the client.
      execArgv: workerUrl.pathname.endsWith('.ts')
        ? ['--conditions=runcast-source', '--disable-warning=ExperimentalWarning']
        : [],
      env: {},
      stdout: true,
      stderr: true,
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.on('error', (error) => {
      this.#problem ??= errorMessage(error);
    });
    this.#worker.on('exit', () => this.#ended());
    this.#port.on('message', (message: unknown) => this.#receive(message));
    this.#worker.unref();
    this.#port.unref();
    signal.addEventListener(
      'abort',
      () => {
        this.#waiting?.reject(new RetryableSinkError("W&B's client was given up"));
        void this.close();
      },
      { once: true },
    );
  }

  /**
   * Resolves once the server has taken what was asked for. Rejects with a RetryableSinkError where it has not, or not within
   * `limitMs`, and with a TerminalSinkError where nothing will cure that.
   */
  async ask(request: SdkRequest, limitMs: number): Promise<Done> {
    if (this.#problem !== undefined) throw brokenOff(this.#problem);
    this.#id += 1;
    const waiting = Promise.withResolvers<Done>();
    this.#waiting = waiting;
    this.#port.postMessage({ ...request, id: this.#id });
    const timer = setTimeout(
      () => waiting.reject(new RetryableSinkError(`W&B's client has had no answer for ${limitMs / 1000} s`)),
      limitMs,
    );
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#problem ??= 'it was given up';
    await this.#worker.terminate();
    this.#port.close();
  }

  #receive(message: unknown): void {
    const { data: answer } = sdkAnswer.safeParse(message);
    if (answer === undefined) {
      this.#waiting?.reject(brokenOff('it says what this version does not understand'));
      return;
    }
    // What was given up is answered by nobody.
    if (answer.id !== this.#id) return;
    switch (answer.type) {
      case 'done':
        this.#waiting?.resolve(answer);
        return;
      case 'failed':
        this.#waiting?.reject(errorOf(answer.failure));
        return;
      case 'unusable':
        this.#waiting?.reject(brokenOff(answer.reason));
        return;
      default:
        answer satisfies never;
    }
  }

  #ended(): void {
    // Its last words may be waiting behind the news of its end.
    for (let last = receiveMessageOnPort(this.#port); last !== undefined; last = receiveMessageOnPort(this.#port))
      this.#receive(last.message);
    this.#problem ??= 'its thread has ended';
    this.#waiting?.reject(brokenOff(this.#problem));
  }
}

function brokenOff(problem: string): TerminalSinkError {
  return new TerminalSinkError(`W&B's client for Node cannot go on: ${problem}; ${SDK_ADVICE}`);
}

function errorOf({ what, answer, reason }: SdkFailure): Error {
  if (answer === undefined) return new RetryableSinkError(`W&B could not be reached for ${what}: ${reason}`);
  const headers = new Headers(answer.headers.map(([name, value]): [string, string] => [name, value]));
  return failureOf({ what, status: answer.status, headers, body: answer.body });
}

function defaultWorkerUrl(): URL {
  return new URL(`./worker${path.extname(import.meta.url)}`, import.meta.url);
}
