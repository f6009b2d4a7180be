import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskContext } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class SyncTasks {
  readonly timeline = new Timeline();
  /** Of each attempt. */
  private readonly answers = ['down', 'down', 'up', 'down', 'up', 'up'];

  constructor(private readonly context: TaskContext) {}

  @Perpetual({ every: '120ms' })
  @Durable('sources.sync', { retry: { attempts: 2, delay: '30ms' } })
  async sync(source: string): Promise<void> {
    const answer = this.answers[this.timeline.runs.length] ?? 'up';
    await this.timeline.run(`attempt ${this.context.attempt}: ${source} is ${answer}`);
    if (answer === 'down') throw new Error(`${source} does not answer`);
  }
}

export async function playResilientSync({ queue, say }: Stage, { sync, timeline }: SyncTasks): Promise<void> {
  await queue.add(sync, { key: 'sync:crm' })('crm');
  await timeline.reaches(6);
  await queue.cancel('sync:crm');
  for (const label of timeline.labels) say(label);
  say(`${queue.counts.retried} attempts were repeated, ${queue.counts.failed} run has failed, and the chain goes on`);
}
