import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Task, TaskErrorHandler } from 'nestjs-tasks';
import { Alerts } from './alerts.service.js';
import { DATA_DIR } from './data-dir.provider.js';
import type { TrackedEvent } from './tracked-event.pipe.js';

/** Keeps a batch that could not be stored, to be imported later. */
@Injectable()
export class SpoolBatch implements TaskErrorHandler {
  private readonly logger = new Logger('SpoolBatch');

  constructor(
    @Inject(DATA_DIR) private readonly folder: string,
    private readonly alerts: Alerts,
  ) {}

  async onTaskError(task: Task<void, [TrackedEvent[]]>): Promise<void> {
    const [events] = task.args;
    try {
      await appendFile(join(this.folder, 'spool.jsonl'), `${JSON.stringify(events)}\n`);
      this.logger.warn(`${task.name} waits in the spool file`);
    } catch (error) {
      this.alerts.raise(`${task.name} is lost: neither the store nor the spool file took it (${String(error)})`);
    }
  }
}
