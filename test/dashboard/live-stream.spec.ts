import { Writable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { newsOf } from '../../lib/dashboard/live/live-news.js';
import { LiveStream } from '../../lib/dashboard/live/live-stream.js';
import { LiveTimes } from '../../lib/dashboard/live/live-times.js';

/** Response to a client that reads when the test says so. */
class SlowResponse extends Writable {
  readonly read: string[] = [];
  isReading = true;
  private resume: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 40 });
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.read.push(chunk.toString());
    if (this.isReading) callback();
    else this.resume = callback;
  }

  readAll(): void {
    this.isReading = true;
    this.resume?.();
  }
}

function newStream() {
  const response = new SlowResponse();
  const times = new LiveTimes();
  const stream = new LiveStream(response as unknown as ServerResponse, times);
  return { response, stream, times };
}

/** News that fill the response's buffer. */
function bigNews(number: number) {
  return newsOf('view', JSON.stringify(`${number}`.repeat(100)));
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('an event stream', () => {
  it('has events, and a comment while nothing happens', async () => {
    const { response, stream, times } = newStream();
    stream.send(newsOf('view', '[1]'));
    await jest.advanceTimersByTimeAsync(times.comment);
    expect(response.read).toEqual(['retry: 1000\n\n', 'event: view\ndata: [1]\n\n', ':\n\n']);
  });

  it('ends in less than 30 seconds, after it has said so', async () => {
    const { response, times } = newStream();
    await jest.advanceTimersByTimeAsync(2 * times.comment);
    expect(response.read.at(-1)).toBe('event: renew\ndata: {}\n\n');
    expect(response.writableEnded).toBe(false);
    await jest.advanceTimersByTimeAsync(times.farewell);
    expect(response.writableEnded).toBe(true);
    expect(2 * times.comment + times.farewell).toBeLessThan(30_000);
  });

  it('sends the newest alone to a client that reads slowly', async () => {
    const { response, stream } = newStream();
    response.isReading = false;
    stream.send(bigNews(0));
    for (let number = 1; number <= 9; number += 1) {
      stream.send(bigNews(number));
      stream.send(newsOf('summary', String(number)));
    }
    expect(response.read).toHaveLength(2);
    response.readAll();
    await jest.advanceTimersByTimeAsync(10);
    const texts = response.read.join('');
    expect(texts).toContain(JSON.stringify('0'.repeat(100)));
    expect(texts).toContain(JSON.stringify('9'.repeat(100)));
    expect(texts).toContain('event: summary\ndata: 9\n\n');
    expect(texts).not.toContain(JSON.stringify('8'.repeat(100)));
    stream.send(bigNews(10));
    await jest.advanceTimersByTimeAsync(10);
    expect(response.read.join('')).toContain('10'.repeat(100));
  });

  it('cuts off a client that does not read', async () => {
    const { response, stream, times } = newStream();
    response.isReading = false;
    stream.send(bigNews(1));
    await jest.advanceTimersByTimeAsync(times.comment);
    expect(response.destroyed).toBe(true);
    expect(stream.isOver).toBe(true);
    stream.send(bigNews(2));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says that the server closes, and cuts off a client that does not hear it', async () => {
    const { response, stream, times } = newStream();
    response.isReading = false;
    stream.send(bigNews(1));
    stream.close();
    expect(response.writableEnded).toBe(true);
    await jest.advanceTimersByTimeAsync(times.flush);
    expect(response.destroyed).toBe(true);
  });
});
