import type { ServerResponse } from 'node:http';
import { newsOf, type LiveEvent, type LiveNews } from './live-news.js';
import type { LiveTimes } from './live-times.js';

const COMMENT = ':\n\n';
/** Time after which a browser that lost the stream asks again. */
const RETRY = 'retry: 1000\n\n';
const RENEW = newsOf('renew', '{}');
const CLOSING = newsOf('closing', '{}');

/**
 * Event stream to one client. A client that reads slowly gets the newest of each event; one that does not read is cut off.
 *
 * A stream lives for less than 30 seconds, then asks its client to come again: a new request passes the application's
 * sessions, guards and `access`, which alone know what was revoked meanwhile.
 */
export class LiveStream {
  readonly #response: ServerResponse;
  readonly #times: LiveTimes;
  /** Newest of each event that could not be sent. */
  readonly #waiting = new Map<LiveEvent, LiveNews>();
  /** Time since which the client has read nothing; `undefined` while all was sent. */
  #blockedAt: number | undefined;
  #timer: NodeJS.Timeout;

  constructor(response: ServerResponse, times: LiveTimes) {
    this.#response = response;
    this.#times = times;
    response.on('drain', () => this.#drained());
    response.on('close', () => clearTimeout(this.#timer));
    this.#timer = this.#after(times.comment, () => this.#breathe());
    this.#write(RETRY);
  }

  get isOver(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }

  /** Calls the listener when the stream is over, whoever ended it. */
  onEnd(listener: () => void): void {
    this.#response.once('close', listener);
  }

  send(news: LiveNews): void {
    if (this.isOver) return;
    if (this.#blockedAt === undefined) {
      this.#write(news.frame);
      return;
    }
    this.#waiting.delete(news.event);
    this.#waiting.set(news.event, news);
  }

  /** Sends the last news, and ends the stream. */
  end(news: LiveNews): void {
    if (this.isOver) return;
    this.#waiting.clear();
    this.#response.end(news.frame);
    this.#cutIn(this.#times.flush);
  }

  /** Ends the stream at shutdown: the server waits for its connection. */
  close(): void {
    this.end(CLOSING);
  }

  #breathe(): void {
    if (this.#blockedAt === undefined) this.#write(COMMENT);
    else if (performance.now() - this.#blockedAt > this.#times.patience) {
      this.#response.destroy();
      return;
    }
    this.#timer = this.#after(this.#times.comment, () => this.#renew());
  }

  #renew(): void {
    this.send(RENEW);
    this.#timer = this.#after(this.#times.farewell, () => {
      this.#response.end();
      this.#cutIn(this.#times.flush);
    });
  }

  #write(frame: Buffer | string): void {
    if (!this.#response.write(frame)) this.#blockedAt = performance.now();
  }

  #drained(): void {
    this.#blockedAt = undefined;
    for (const [event, news] of this.#waiting) {
      if (this.#blockedAt !== undefined) return;
      this.#waiting.delete(event);
      this.#write(news.frame);
    }
  }

  #cutIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#after(milliseconds, () => this.#response.destroy());
  }

  #after(milliseconds: number, act: () => void): NodeJS.Timeout {
    return setTimeout(act, milliseconds).unref();
  }
}
