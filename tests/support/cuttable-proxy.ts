// Stands between a client and a server, and cuts the connection at the moment a test asks for: before a request reaches the
// server, or when the server has done what it was asked and its answer is on the way.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Cut = 'request' | 'answer' | undefined;

/** Requests of at least so many bytes, since a short one is a client introducing itself, or with this text in them. */
type Meant = number | string;

export class CuttableProxy {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #cut: Cut;
  #isMeant: (request: Buffer) => boolean = () => true;

  private constructor(target: number) {
    this.#server = createServer((client) => this.#join(client, connect(target, '127.0.0.1')));
  }

  static async listen(target: number): Promise<CuttableProxy> {
    const proxy = new CuttableProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new TypeError('the proxy does not listen');
    return address.port;
  }

  get redisUrl(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  /** The next request that is {@link Meant} does not reach the server. */
  cutNextRequest(meant: Meant = 0): void {
    this.#cut = 'request';
    this.#isMeant = isMeant(meant);
  }

  /** The next request that is {@link Meant} is done, and its answer lost. */
  cutNextAnswer(meant: Meant = 0): void {
    this.#cut = 'answer';
    this.#isMeant = isMeant(meant);
  }

  /** Cuts every connection there is now. */
  cutNow(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutNow();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    let awaited = false;
    const end = (): void => {
      for (const socket of [client, server]) {
        socket.destroy();
        this.#open.delete(socket);
      }
    };
    for (const socket of [client, server]) {
      this.#open.add(socket);
      socket.on('close', end).on('error', end);
    }
    client.on('data', (bytes) => {
      if (this.#cut !== undefined && this.#isMeant(bytes)) {
        const cut = this.#cut;
        this.#cut = undefined;
        if (cut === 'request') {
          end();
          return;
        }
        awaited = true;
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (awaited) end();
      else client.write(bytes);
    });
  }
}

function isMeant(meant: Meant): (request: Buffer) => boolean {
  return (request) => (typeof meant === 'number' ? request.length >= meant : request.includes(meant));
}
