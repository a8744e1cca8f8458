/** A server that answers as a test says, in the protocol of Redis: for answers that no real one gives on demand. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** The answer to a command as it goes over the wire, such as `:1\r\n`; none where left out. */
export type Answer = (command: string) => string | undefined;

export class ScriptedServer {
  answer: Answer;
  readonly #server: Server;

  private constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes) => {
        // Each request comes in a piece of its own here, its name the first bulk string: *1\r\n$4\r\nPING\r\n
        const command = bytes.toString('utf8').split('\r\n')[2]?.toUpperCase() ?? '';
        socket.write(this.#introduction(command) ?? this.answer(command) ?? '');
      });
    });
  }

  static async listen(answer: Answer): Promise<ScriptedServer> {
    const server = new ScriptedServer(answer);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new TypeError('the server does not listen');
    return `redis://127.0.0.1:${address.port}/0`;
  }

  close(): void {
    this.#server.close();
  }

  /** What the client asks of its own accord when it connects. */
  #introduction(command: string): string | undefined {
    if (command === 'INFO') return '$9\r\nloading:0\r\n';
    return ['CLIENT', 'SELECT', 'HELLO'].includes(command) ? '+OK\r\n' : undefined;
  }
}
