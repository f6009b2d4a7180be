import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, it, jest } from '@jest/globals';
import { onResponseEnd } from '../../lib/request/response-end.js';

/** As `inject()` makes it: without a connection, so that nothing closes it. */
function responseWithoutConnection(): ServerResponse {
  const socket = new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as Socket;
  const response = new ServerResponse(new IncomingMessage(socket));
  response.assignSocket(socket);
  return response;
}

describe('the end of a response', () => {
  it('is known at once of one that has finished and is never closed', async () => {
    const response = responseWithoutConnection();
    const listener = jest.fn();
    onResponseEnd(response, listener);
    expect(listener).not.toHaveBeenCalled();
    response.end('body');
    await once(response, 'finish');
    expect(listener).toHaveBeenCalled();

    const late = jest.fn();
    expect(response.closed).toBe(false);
    onResponseEnd(response, late);
    expect(late).toHaveBeenCalledTimes(1);
  });
});
