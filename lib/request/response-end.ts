import type { ServerResponse } from 'node:http';

/**
 * Calls `listener` when the response has ended: sent in full (`finish`), or its client gone (`close` alone). At once if
 * that is long past. May call it twice, for both events come when all goes well; taking a listener off again would cost
 * every response. `writableFinished` would not tell: it turns true on a response that nobody received.
 */
export function onResponseEnd(response: ServerResponse, listener: () => void): void {
  if (isClosed(response)) {
    listener();
    return;
  }
  response.on('finish', listener);
  response.on('close', listener);
}

/** Calls `listener` right before the first byte of the response is sent. No event tells of that. */
export function onResponseBegin(response: ServerResponse, listener: () => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    listener();
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

/** A response over HTTP/2 has no `closed`, but a stream. */
function isClosed(response: ServerResponse & { stream?: { destroyed: boolean } }): boolean {
  return (response.closed as boolean | undefined) ?? response.stream?.destroyed === true;
}
