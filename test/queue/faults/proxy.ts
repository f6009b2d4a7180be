import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Ports that no system hands out by itself, so that one is still free when its server comes back. */
const PORTS = { first: 20_000, count: 10_000 };

/** What clients say who want to be told something: of Redis, and of PostgreSQL. */
const LISTEN = /subscribe\r\n|(?<!UN)LISTEN /i;

export function randomPort(): number {
  return PORTS.first + Math.floor(Math.random() * PORTS.count);
}

/** Stands between an application and a server, and can do what a network does. */
export class Proxy implements AsyncDisposable {
  /** The server's, with the proxy's address. */
  readonly url: string;

  private readonly sockets = new Set<Socket>();
  private readonly target: URL;
  private server: Server | undefined;
  private readonly frozen = new WeakSet<Socket>();
  private isFrozen = false;
  private isHushed = false;
  private readonly listening = new WeakSet<Socket>();

  constructor(
    url: string,
    private readonly port = randomPort(),
  ) {
    this.target = new URL(url);
    const own = new URL(url);
    own.hostname = '127.0.0.1';
    own.port = `${port}`;
    this.url = own.href;
  }

  /** Lets connections through. */
  async open(): Promise<this> {
    this.server ??= createServer((socket) => this.pass(socket)).listen(this.port, '127.0.0.1');
    if (!this.server.listening) await once(this.server, 'listening');
    return this;
  }

  /** Breaks connections, and refuses new ones. */
  cut(): void {
    this.server?.close();
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
  }

  /** Passes nothing on any more and says nothing about it, as when a cable was pulled. */
  freeze(): void {
    this.isFrozen = true;
    for (const socket of this.sockets) this.frozen.add(socket);
  }

  /** Lets new connections through. What knows those from before has forgotten them, as a router that was restarted. */
  thaw(): void {
    this.isFrozen = false;
  }

  /** Loses what servers tell those who listen, from now on; their connections are as good as ever. */
  hush(): void {
    this.isHushed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    return Promise.resolve();
  }

  private pass(near: Socket): void {
    const port = Number(this.target.port || (this.target.protocol === 'redis:' ? 6379 : 5432));
    const far = connect(port, this.target.hostname);
    this.link(near, far);
    this.link(far, near);
  }

  private link(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.setNoDelay();
    if (this.isFrozen) this.frozen.add(from);
    from.on('data', (data) => {
      if (LISTEN.test(data.toString('latin1'))) this.listening.add(to);
      if (!this.frozen.has(from) && !(this.isHushed && this.listening.has(from))) to.write(data);
    });
    from.on('error', () => {}); // 'close' follows
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }
}
