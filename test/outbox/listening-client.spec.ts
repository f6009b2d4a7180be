import { EventEmitter } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { listenOn, type ListeningClient } from '../../lib/outbox/listening-client.js';

class FakeClient extends EventEmitter {
  readonly queries: string[] = [];
  isEnding = false;

  constructor(private readonly answer: () => Promise<void> = async () => undefined) {
    super();
  }

  async query(text: string): Promise<void> {
    this.queries.push(text);
    await this.answer();
  }

  /** Waits for a server that never answers. */
  end(): Promise<void> {
    this.isEnding = true;
    return new Promise(() => {});
  }
}

const listening = (client: FakeClient, heard = jest.fn(), lost = jest.fn()) =>
  listenOn(client as unknown as ListeningClient, 'a "b"', heard, lost);

describe('listenOn()', () => {
  it('quotes the channel, and hears no other', async () => {
    const client = new FakeClient();
    const heard = jest.fn();
    await listening(client, heard);
    expect(client.queries).toEqual(['LISTEN "a ""b"""']);
    client.emit('notification', { channel: 'other', payload: 'x' });
    client.emit('notification', { channel: 'a "b"', payload: 'y' });
    client.emit('notification', { channel: 'a "b"' });
    expect(heard.mock.calls).toEqual([['y'], ['']]);
  });

  it('tells a loss once', async () => {
    const client = new FakeClient();
    const lost = jest.fn();
    await listening(client, jest.fn(), lost);
    const error = new Error('reset');
    client.emit('error', error);
    client.emit('end');
    expect(lost.mock.calls).toEqual([[error]]);
  });

  it('ends the connection where LISTEN fails, and tells no loss', async () => {
    const client = new FakeClient(() => Promise.reject(new Error('refused')));
    const lost = jest.fn();
    await expect(listening(client, jest.fn(), lost)).rejects.toThrow('refused');
    client.emit('end');
    expect(client.isEnding).toBe(true);
    expect(lost).not.toHaveBeenCalled();
  });

  it('ends in time where the server no longer answers, and tells no loss', async () => {
    const client = new FakeClient();
    const lost = jest.fn();
    const stop = await listening(client, jest.fn(), lost);
    await stop();
    client.emit('end');
    expect(client.isEnding).toBe(true);
    expect(lost).not.toHaveBeenCalled();
  });
});
