// Stands between one process and the server, and does to their connections what networks do.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  links = new Set();
  mode = 'pass';
  delay = 0;

  /** @param target `{ host, port }` of the server. */
  constructor(target) {
    this.target = target;
  }

  async open() {
    this.server = createServer((near) => this.pass(near)).listen(this.port ?? 0, '127.0.0.1');
    await once(this.server, 'listening');
    ({ port: this.port } = this.server.address());
  }

  /** Breaks all connections, and refuses new ones until {@link heal}. */
  cut() {
    this.server.close();
    this.server = undefined;
    for (const link of this.links) link.destroy();
  }

  /** Passes nothing more on and says nothing about it, as when a cable was pulled. What is sent meanwhile is lost. */
  silence() {
    this.mode = 'silent';
    for (const link of this.links) link.isMute = true;
  }

  /** Delivers each packet so many milliseconds later. */
  slow(milliseconds) {
    this.delay = milliseconds;
  }

  /** Keeps all packets back, to be delivered by {@link heal}. */
  hold() {
    this.mode = 'hold';
  }

  /** Ends what was begun. Connections that were silenced stay silent to the client; the server sees their end. */
  async heal() {
    this.mode = 'pass';
    this.delay = 0;
    if (this.server === undefined) await this.open();
    for (const link of this.links) {
      if (link.isMute) link.far.destroy();
      else link.pump();
    }
  }

  close() {
    this.server?.close();
    for (const link of this.links) link.destroy();
  }

  pass(near) {
    const link = new Link(this, near, connect(this.target.port, this.target.host));
    link.isMute = this.mode === 'silent';
    this.links.add(link);
    near.once('close', () => this.links.delete(link));
  }
}

class Link {
  isMute = false;
  isTimed = false;
  /** Packets that wait, in order: `{ to, data, due }`; an end has no data. */
  waiting = [];

  constructor(proxy, near, far) {
    this.proxy = proxy;
    this.near = near;
    this.far = far;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.setNoDelay();
      from.on('data', (data) => this.take(to, data));
      from.on('error', () => {}); // 'close' follows
      from.on('close', () => this.take(to));
    }
  }

  destroy() {
    this.near.destroy();
    this.far.destroy();
  }

  take(to, data) {
    if (this.isMute) {
      // The client has given up: nobody is left to be told.
      if (data === undefined && to === this.far) this.far.destroy();
      return;
    }
    this.waiting.push({ to, data, due: performance.now() + this.proxy.delay });
    this.pump();
  }

  pump() {
    if (this.isMute) this.waiting = [];
    if (this.proxy.mode === 'hold' || this.isTimed) return;
    while (this.waiting.length > 0) {
      const [{ to, data, due }] = this.waiting;
      const rest = due - performance.now();
      if (rest > 0) {
        this.isTimed = true;
        setTimeout(() => {
          this.isTimed = false;
          this.pump();
        }, rest);
        return;
      }
      this.waiting.shift();
      if (data === undefined) to.end();
      else if (to.writable) to.write(data);
    }
  }
}
