import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What differs over HTTP/2 and in `inject()`. */
interface AnyResponse extends Partial<Pick<ServerResponse<IncomingMessage>, 'closed' | 'writableFinished'>> {
  /** Over HTTP/2. */
  readonly stream?: { readonly destroyed: boolean };
  readonly socket: ServerResponse['socket'] | undefined;
  readonly req?: IncomingMessage;
}

/**
 * Calls `listener` when the response has ended: sent in full (`finish`), or its client gone (`close` alone). At once if
 * that is past. May call it more than once, for both events come when all goes well; taking a listener off again would
 * cost every response.
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

/** Calls `listener` with the status right before the first byte of the response is sent. No event tells of that. */
export function onResponseBegin(response: ServerResponse, listener: (status: number) => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    const [status] = args;
    // Early hints and the like are no answer yet, and come by other methods.
    listener(typeof status === 'number' ? status : response.statusCode);
    return writeHead(...args);
  };
}

/** Calls `listener` when somebody answers to a client that has gone. No event tells of it. */
export function onAnswerToNobody(response: ServerResponse, listener: () => void): void {
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  response.end = (...args: unknown[]) => {
    listener();
    return end(...args);
  };
}

/** The client has gone before the response was sent, or somebody has destroyed it. */
export function isGone(response: ServerResponse): boolean {
  return (isClosed(response) && !response.writableFinished) || isConnectionLost(response) || response.destroyed;
}

function hasEnded(response: ServerResponse): boolean {
  // In inject() nothing is emitted but `finish`.
  return isClosed(response) || (response as AnyResponse).writableFinished === true || isConnectionLost(response);
}

/** A response over HTTP/2 has no `closed`, but a stream. */
function isClosed(response: AnyResponse): boolean {
  return response.closed ?? response.stream?.destroyed === true;
}

/** It waits for its turn on a connection that is gone. */
function isConnectionLost(response: AnyResponse): boolean {
  return isQueued(response) && response.req?.socket.destroyed === true;
}

/** Another response has the connection: the client has sent requests one after the other without a wait (pipelining). */
function isQueued(response: AnyResponse): boolean {
  return response.socket === null && response.writableFinished !== true && response.req !== undefined;
}

const connections = new WeakMap<Socket, Set<() => void>>();

/**
 * Up to Node.js 22 a response that waits for its turn is told nothing when its client leaves, or when the response
 * before it closes the connection.
 */
function watchConnection(response: ServerResponse<IncomingMessage>, listener: () => void): void {
  const listeners = listenersOf(response.req.socket);
  listeners.add(listener);
  const stop = (): void => void listeners.delete(listener);
  response.on('finish', stop);
  response.on('close', stop);
}

/** One listener of the socket calls those of all its responses: Node.js warns of more than ten. */
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
