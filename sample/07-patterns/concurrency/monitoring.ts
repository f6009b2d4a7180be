import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';
import { until } from '../stage/until.js';

@Injectable()
export class ReportTasks {
  readonly timeline = new Timeline();

  @Durable('reports.build')
  async build(@ConcurrencyLimit(1) customerId: number, @ConcurrencyLimit(3) format: string): Promise<void> {
    await this.timeline.run(`${customerId} ${format}`, 150);
  }
}

export async function playMonitoring({ queue, say }: Stage, { build, timeline }: ReportTasks): Promise<void> {
  for (const name of ['a', 'b', 'c']) await queue.add(build, { key: `1001:${name}` })(1001, 'pdf');
  await queue.add(build, { key: '2001:a' })(2001, 'pdf');
  await timeline.reaches(2);
  await until('two wait', async () => (await queue.snapshot()).counts.parked === 2);
  for (const { owner, parameter, value, max, holders, waiters } of await queue.limits()) {
    const waiting = waiters.length === 0 ? 'nobody waits' : `${waiters.join(', ')} wait`;
    say(`${owner} by ${parameter} ${String(value)}: ${holders.length} of ${max} (${holders.join(', ')}), ${waiting}`);
  }
  const waiter = await queue.get('1001:b');
  say(`1001:b is ${waiter?.state}: ${waiter?.reason}`);
  await queue.runUntilFinished();
  say(`when all have ended: ${(await queue.limits()).length} pools`);
}
