import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class TenantTasks {
  readonly timeline = new Timeline();

  @Durable('tenants.import')
  async import(@ConcurrencyLimit(2, { scope: 'tenants' }) tenantId: string): Promise<void> {
    await this.timeline.run(`import of ${tenantId}`, 60);
  }

  /** Counts with imports of the same tenant. */
  @Durable('tenants.export')
  async export(@ConcurrencyLimit(2, { scope: 'tenants' }) tenantId: string): Promise<void> {
    await this.timeline.run(`export of ${tenantId}`, 60);
  }

  /** Counts for itself, whatever the value is. */
  @Durable('tenants.count')
  async count(@ConcurrencyLimit(1) tenantId: string): Promise<void> {
    await this.timeline.run(`count of ${tenantId}`, 60);
  }
}

export async function playScopes({ queue, say }: Stage, tasks: TenantTasks): Promise<void> {
  for (const task of [tasks.import, tasks.export, tasks.import, tasks.export]) await queue.add(task)('acme');
  for (let at = 0; at < 2; at += 1) await queue.add(tasks.count)('acme');
  await queue.runUntilFinished();
  const { timeline } = tasks;
  for (const line of timeline.picture()) say(line);
  say(
    `at most ${timeline.atOnce('port')} imports and exports at once, and ${timeline.atOnce('count')} count beside them`,
  );
}
