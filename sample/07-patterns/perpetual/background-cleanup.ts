import { Injectable } from '@nestjs/common';
import { Durable, Perpetual } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class CleanupTasks {
  readonly timeline = new Timeline();

  /** Nobody adds it, so its parameters have defaults. */
  @Perpetual({ every: '100ms', automatic: true })
  @Durable('records.cleanup')
  async cleanup(days = 30): Promise<void> {
    await this.timeline.run(`older than ${days} days`);
  }
}

export async function playBackgroundCleanup({ queue, log, say }: Stage, { timeline }: CleanupTasks): Promise<void> {
  await timeline.reaches(3);
  say(`log: ${log.with('by itself')[0]?.message}`);
  say(`queue.add() was called ${queue.counts.added} times, and it has run ${timeline.runs.length} times`);
  const execution = await queue.get('records.cleanup');
  say(`its key is its task's name: '${execution?.key}'`);
}
