import type { IncomingMessage, ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';

/** What happened, in order. */
export class Journal {
  readonly entries: string[] = [];

  /** A task: not a method, so that it needs no `this`. */
  readonly write = (entry: string): void => void this.entries.push(entry);

  /** Writes 'finish' when a response was sent. */
  watchResponses(app: INestApplication): void {
    app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
      response.once('finish', () => this.write('finish'));
      next();
    });
  }

  /** Returns what was written, and starts anew. */
  take(): string[] {
    return this.entries.splice(0);
  }
}
