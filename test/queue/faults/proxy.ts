import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Ports that no system hands out by itself, so that one is still free when its server comes back. The nodes of a Redis
 * Cluster use the port 10,000 above their own as well, which must be below 32,768 for that.
 */
const PORTS = { first: 16_000, count: 6_000 };

/** What clients say who want to be told something: of Redis, and of PostgreSQL. */
const LISTEN = /subscribe\r\n|(?<!UN)LISTEN /i;

export function randomPort(): number {
  return PORTS.first + Math.floor(Math.random() * PORTS.count);
}

/** Stands between an application and a server, and can do what a network does. */
export class Proxy implements AsyncDisposable {
  /** The server's, with the proxy's address. */
  readonly url: string;

  /** Bytes that the server has sent. */
  received = 0;

  /** How often clients have asked to be told something. */
  listens = 0;

  private readonly sockets = new Set<Socket>();
  private readonly target: URL;
  private server: Server | undefined;
  private readonly frozen = new WeakSet<Socket>();
  private isFrozen = false;
  private isHushed = false;
  private bytesPerTick = Infinity;
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

  /** Lets servers say so many bytes in 10 ms on each connection, as over a slow line. */
  throttle(bytes: number): void {
    this.bytesPerTick = bytes;
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
    far.on('data', ({ length }) => (this.received += length));
    this.link(near, far, (data) => far.write(data));
    const line = new SlowLine(near);
    this.link(far, near, (data) => line.write(data, this.bytesPerTick));
  }

  private link(from: Socket, to: Socket, pass: (data: Buffer) => unknown): void {
    this.sockets.add(from);
    from.setNoDelay();
    if (this.isFrozen) this.frozen.add(from);
    from.on('data', (data) => {
      if (LISTEN.test(data.toString('latin1'))) {
        this.listens += 1;
        this.listening.add(to);
      }
      if (!this.frozen.has(from) && !(this.isHushed && this.listening.has(from))) pass(data);
    });
    from.on('error', () => {}); // 'close' follows
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }
}

/** In milliseconds. */
const TICK = 10;

/** Passes on a part of what there is at each tick. */
class SlowLine {
  private waiting = Buffer.alloc(0);
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly to: Socket) {}

  write(data: Buffer, bytesPerTick: number): void {
    if (this.timer === undefined && bytesPerTick === Infinity) {
      this.to.write(data);
      return;
    }
    this.waiting = Buffer.concat([this.waiting, data]);
    this.timer ??= setInterval(() => this.passOn(bytesPerTick), TICK);
  }

  private passOn(bytes: number): void {
    this.to.write(this.waiting.subarray(0, bytes));
    this.waiting = this.waiting.subarray(bytes);
    if (this.waiting.length > 0 && !this.to.destroyed) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
