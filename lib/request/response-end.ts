import type { ServerResponse } from 'node:http';

/**
 * Calls `listener` when the response has ended: sent in full (`finish`), or its client gone (`close` alone). At once if
 * that is long past. May call it twice, for both events come when all goes well; taking a listener off again would cost
 * every response. `writableFinished` would not tell: it turns true on a response that nobody received.
 */
export function onResponseEnd(response: ServerResponse, listener: () => void): void {
  if (response.closed) {
    listener();
    return;
  }
  response.on('finish', listener);
  response.on('close', listener);
}
