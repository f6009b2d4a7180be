// A load that costs the machine little: each connection sends a request when it has the response to the last one, and counts
// its bytes, since all responses of a route are as long.
import { once } from 'node:events';
import { connect } from 'node:net';

const CONNECTIONS = 32;
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
const OK = Buffer.from('HTTP/1.1 200 OK\r\n');

export class HttpLoad {
  #sockets = [];
  #length;
  #toSend = 0;
  #toHear = 0;
  #resolve;
  #reject;

  static async open(url) {
    const load = new HttpLoad();
    for (let i = 0; i < CONNECTIONS; i++) await load.#connect(new URL(url));
    return load;
  }

  async #connect({ hostname, port }) {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay();
    await once(socket, 'connect');
    this.#length ??= await lengthOfResponse(socket);
    let received = 0;
    socket.on('data', (chunk) => {
      if (received === 0 && OK.compare(chunk, 0, OK.length) !== 0) this.#fail(`has answered ${chunk}`);
      received += chunk.length;
      if (received > this.#length) this.#fail(`has answered ${received} bytes instead of ${this.#length}`);
      if (received < this.#length) return;
      received = 0;
      this.#send(socket);
      this.#toHear -= 1;
      if (this.#toHear === 0) this.#resolve();
    });
    socket.on('error', ({ message }) => this.#fail(message));
    socket.on('end', () => this.#fail('has closed a connection'));
    this.#sockets.push(socket);
  }

  #send(socket) {
    if (this.#toSend === 0) return;
    this.#toSend -= 1;
    socket.write(REQUEST);
  }

  #fail(reason) {
    this.#reject?.(new Error(`The server ${reason}`));
  }

  /** Resolves when that many requests have been answered. */
  run(count) {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#toSend = count;
      this.#toHear = count;
      for (const socket of this.#sockets) this.#send(socket);
    });
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function lengthOfResponse(socket) {
  socket.write(REQUEST);
  const [chunk] = await once(socket, 'data');
  const head = chunk.indexOf('\r\n\r\n') + 4;
  const [, body] = /content-length: (\d+)/i.exec(chunk.subarray(0, head).toString());
  if (chunk.length !== head + Number(body)) throw new Error(`The server has answered in parts: ${chunk}`);
  return chunk.length;
}
