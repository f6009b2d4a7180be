import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class ServiceTasks {
  readonly timeline = new Timeline();

  @Durable('services.sync')
  async sync(userId: number, @ConcurrencyLimit(5) service: string): Promise<void> {
    await this.timeline.run(`${service} ${userId}`, 60);
  }
}

export async function playPerService({ queue, say }: Stage, { sync, timeline }: ServiceTasks): Promise<void> {
  for (let userId = 1; userId <= 8; userId += 1) await queue.add(sync)(userId, 'salesforce');
  await queue.add(sync)(789, 'hubspot');
  await queue.runUntilFinished();
  say(`started: ${timeline.labels.join(', ')}`);
  const startOf = (label: string): number | undefined => timeline.starts[timeline.labels.indexOf(label)];
  say(`at most ${timeline.atOnce('salesforce')} at once at salesforce`);
  say(
    `salesforce 6 has started after ${startOf('salesforce 6')} ms, hubspot, added last, after ${startOf('hubspot 789')} ms`,
  );
}
