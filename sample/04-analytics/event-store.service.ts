import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { OnTaskError, Shielded } from 'nestjs-tasks';
import { DATA_DIR } from './data-dir.provider.js';
import { SpoolBatch } from './spool-batch.handler.js';
import type { TrackedEvent } from './tracked-event.pipe.js';

/** Stands in for the analytics database: a file with an event a line. */
@Injectable()
export class EventStore {
  constructor(@Inject(DATA_DIR) private readonly folder: string) {}

  // Shielded, or shutdown might cancel it: a cancelled task does not reach its onError, and its events would be gone.
  @Shielded()
  @OnTaskError(SpoolBatch)
  async append(events: TrackedEvent[]): Promise<void> {
    const lines = events.map((event) => `${JSON.stringify(event)}\n`);
    await appendFile(join(this.folder, 'events.jsonl'), lines.join(''));
  }
}
