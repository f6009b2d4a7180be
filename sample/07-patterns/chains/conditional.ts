import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

const DAY = 24 * 60 * 60 * 1_000;

@Injectable()
export class BehaviourTasks {
  readonly timeline = new Timeline();

  constructor(private readonly queue: TaskQueue) {}

  @Durable('users.analyze')
  async analyze(userId: string, mood: 'leaving' | 'buying' | 'content'): Promise<void> {
    switch (mood) {
      case 'leaving':
        await this.queue.add(this.retain)(userId);
        return;
      case 'buying':
        await this.queue.add(this.upsell)(userId);
        return;
      case 'content': {
        const when = new Date(Date.now() + 30 * DAY);
        await this.queue.add(this.analyze, { key: `behaviour:${userId}`, when })(userId, mood);
      }
    }
  }

  @Durable('campaigns.retain')
  retain(userId: string): Promise<void> {
    return this.timeline.run(`retention campaign for ${userId}`);
  }

  @Durable('campaigns.upsell')
  upsell(userId: string): Promise<void> {
    return this.timeline.run(`upsell campaign for ${userId}`);
  }
}

export async function playConditional({ queue, say }: Stage, tasks: BehaviourTasks): Promise<void> {
  for (const [userId, mood] of [
    ['ada', 'leaving'],
    ['bob', 'buying'],
    ['cyd', 'content'],
  ] as const) {
    await (await queue.add(tasks.analyze)(userId, mood)).result({ timeout: '10s' });
  }
  await tasks.timeline.reaches(2);
  for (const label of tasks.timeline.labels) say(label);
  const next = await queue.get('behaviour:cyd');
  const days = Math.round(((next?.when.getTime() ?? 0) - Date.now()) / DAY);
  say(`cyd is looked at again in ${days} days: ${next?.key} is ${next?.state}`);
  say(`cleared: ${await queue.clear()}`);
}
