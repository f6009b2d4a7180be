import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Response, with the differences over HTTP/2 and in `inject()`. */
interface AnyResponse extends Partial<Pick<ServerResponse<IncomingMessage>, 'closed' | 'writableFinished'>> {
  /** Stream of HTTP/2. */
  readonly stream?: { readonly destroyed: boolean };
  readonly socket: ServerResponse['socket'] | undefined;
  readonly req?: IncomingMessage;
}

/**
 * Calls `listener` when the response has ended: sent in full (`finish`), or its client gone (`close` alone). Calls it
 * at once if that is past, and may call it twice. Both events follow a success, and removing a listener would cost
 * every response.
 */
export function onResponseEnd(response: ServerResponse, listener: () => void): void {
  if (hasEnded(response)) {
    listener();
    return;
  }
  response.on('finish', listener);
  response.on('close', listener);
  if (isQueued(response)) watchConnection(response, listener);
}

/** Calls `listener` with the status right before the first byte of the response is sent. No event exists for that. */
export function onResponseBegin(response: ServerResponse, listener: (status: number) => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    const [status] = args;
    // Early hints and the like are no answer yet, and use other methods.
    listener(typeof status === 'number' ? status : response.statusCode);
    return writeHead(...args);
  };
}

/** Calls `listener` at an answer to a client that has gone. No event exists for it. */
export function onAnswerToNobody(response: ServerResponse, listener: () => void): void {
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  response.end = (...args: unknown[]) => {
    listener();
    return end(...args);
  };
}

/** Tells a client that has gone before the response was sent, or a destroyed response. */
export function isGone(response: ServerResponse): boolean {
  return (isClosed(response) && !response.writableFinished) || isConnectionLost(response) || response.destroyed;
}

function hasEnded(response: ServerResponse): boolean {
  // inject() emits only `finish`.
  return isClosed(response) || (response as AnyResponse).writableFinished === true || isConnectionLost(response);
}

/** Tells a closed response. One over HTTP/2 has no `closed`, but a stream. */
function isClosed(response: AnyResponse): boolean {
  return response.closed ?? response.stream?.destroyed === true;
}

/** Tells a response that waits for its turn on a lost connection. */
function isConnectionLost(response: AnyResponse): boolean {
  return isQueued(response) && response.req?.socket.destroyed === true;
}

/**
 * Tells a response that waits for another on its connection: the client sends requests without waiting (pipelining).
 */
function isQueued(response: AnyResponse): boolean {
  return response.socket === null && response.writableFinished !== true && response.req !== undefined;
}

const connections = new WeakMap<Socket, Set<() => void>>();

/**
 * Watches the connection. Up to Node.js 22 a waiting response gets no event when its client leaves, or when the
 * response before it closes the connection.
 */
function watchConnection(response: ServerResponse<IncomingMessage>, listener: () => void): void {
  const listeners = listenersOf(response.req.socket);
  listeners.add(listener);
  const stop = (): void => void listeners.delete(listener);
  response.on('finish', stop);
  response.on('close', stop);
}

/** Returns the listeners of a socket. One listener of the socket calls them all: Node.js warns of more than ten. */
function listenersOf(socket: Socket): Set<() => void> {
  let listeners = connections.get(socket);
  if (listeners === undefined) {
    const added = new Set<() => void>();
    connections.set(socket, (listeners = added));
    socket.once('close', () => {
      for (const listener of added) listener();
    });
  }
  return listeners;
}
