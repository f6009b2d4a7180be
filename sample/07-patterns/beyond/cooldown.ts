import { Injectable } from '@nestjs/common';
import { Cooldown, Durable, TaskContext } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class RefreshTasks {
  readonly timeline = new Timeline();

  constructor(private readonly context: TaskContext) {}

  @Durable('accounts.refresh', { retry: { attempts: 2, delay: '50ms' } })
  async refresh(@Cooldown('10s') accountId: string): Promise<void> {
    const { attempt, key } = this.context;
    await this.timeline.run(`${key} for ${accountId}, attempt ${attempt}`);
    if (attempt === 1) throw new Error('The bank does not answer');
  }
}

export async function playCooldown({ queue, say }: Stage, { refresh, timeline }: RefreshTasks): Promise<void> {
  const executions = [];
  for (const key of ['first', 'second', 'third']) executions.push(await queue.add(refresh, { key })('acme'));
  await queue.runUntilFinished();
  for (const label of timeline.labels) say(`ran: ${label}`);
  for (const execution of executions) {
    const { key, state, reason } = await execution.refresh();
    say(`${key}: ${state}${reason === undefined ? '' : `, ${reason}`}`);
  }
}
