import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class BackupTasks {
  readonly timeline = new Timeline();

  @Durable('backups.table')
  async backUp(@ConcurrencyLimit(2) database: string, table: string): Promise<void> {
    await this.timeline.run(`${database}.${table}`, 60);
  }
}

export async function playPerDatabase({ queue, say }: Stage, { backUp, timeline }: BackupTasks): Promise<void> {
  for (const table of ['users', 'orders', 'products', 'analytics', 'logs']) {
    await queue.add(backUp)('production', table);
    await queue.add(backUp)('staging', table);
  }
  await queue.runUntilFinished();
  for (const line of timeline.picture()) say(line);
  say(`at most ${timeline.atOnce('production')} at once in production, ${timeline.atOnce('staging')} in staging`);
}
