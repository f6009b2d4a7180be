import { Injectable } from '@nestjs/common';
import { Durable, Perpetual } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class HealthTasks {
  readonly timeline = new Timeline();

  @Perpetual({ every: '150ms' })
  @Durable('health.check')
  async check(url: string): Promise<void> {
    await this.timeline.run(url, 50);
  }
}

export async function playHealthCheck({ queue, say }: Stage, { check, timeline }: HealthTasks): Promise<void> {
  await queue.add(check, { key: 'health:api' })('https://api.example.com');
  await timeline.reaches(5);
  const again = await queue.add(check, { key: 'health:api' })('https://api.example.com');
  say(`added once, it has run ${timeline.runs.length} times, for 50 ms each`);
  say(`from start to start: ${timeline.intervals.join(', ')} ms`);
  say(`added again under its key: '${again.disposition}'`);
  say(`cancelled: '${await queue.cancel('health:api')}'`);
}
