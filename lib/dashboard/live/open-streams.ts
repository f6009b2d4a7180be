import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { LiveStream } from './live-stream.js';
import { LiveTimes } from './live-times.js';

/** Number of streams of a process. Each holds a socket and a little memory. */
const MOST = 200;

/**
 * Streams of this process. At shutdown they are ended right before the server stops: it waits for open connections. Until
 * then they show how shielded tasks end.
 */
@Injectable()
export class OpenStreams implements BeforeApplicationShutdown {
  private readonly streams = new Set<LiveStream>();
  private isClosed = false;

  constructor(private readonly times: LiveTimes) {}

  /** Reason why no stream can be opened; `undefined` where one can. */
  get refusal(): string | undefined {
    if (this.isClosed) return 'This process is shutting down.';
    return this.streams.size < MOST ? undefined : `This process has ${MOST} event streams, and takes no more.`;
  }

  open(response: ServerResponse): LiveStream {
    const stream = new LiveStream(response, this.times);
    this.streams.add(stream);
    stream.onEnd(() => this.streams.delete(stream));
    return stream;
  }

  beforeApplicationShutdown(): void {
    this.isClosed = true;
    for (const stream of this.streams) stream.close();
  }
}
