import type { ServerResponse } from 'node:http';

/**
 * Calls `listener` once the response has ended: sent in full (`finish`), or its client gone (`close` alone). At once if
 * that is long past. `writableFinished` would not tell: it turns true on a response that nobody received.
 */
export function onResponseEnd(response: ServerResponse, listener: () => void): void {
  if (response.closed) {
    listener();
    return;
  }
  const ended = (): void => {
    response.off('finish', ended);
    response.off('close', ended);
    listener();
  };
  response.once('finish', ended);
  response.once('close', ended);
}
