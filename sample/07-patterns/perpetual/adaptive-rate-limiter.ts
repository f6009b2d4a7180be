import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskContext } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class RateTasks {
  readonly timeline = new Timeline();
  private readonly loads = [0.9, 0.95, 0.3, 0.2];

  constructor(private readonly context: TaskContext) {}

  @Perpetual({ every: '200ms' })
  @Durable('rates.adapt')
  async adapt(endpoint: string, perMinute = 60): Promise<void> {
    const load = this.loads[this.timeline.runs.length];
    await this.timeline.run(`${endpoint}: ${perMinute} a minute${load === undefined ? '' : `, at a load of ${load}`}`);
    if (load === undefined) return this.context.perpetual.cancel();
    const isHigh = load > 0.8;
    if (isHigh) this.context.perpetual.every = '100ms'; // until the next run; that one has 200 ms again
    this.context.perpetual.perpetuate(endpoint, isHigh ? Math.max(30, perMinute - 10) : Math.min(120, perMinute + 5));
  }
}

export async function playAdaptiveRateLimiter({ queue, say }: Stage, { adapt, timeline }: RateTasks): Promise<void> {
  const execution = await queue.add(adapt)('/users');
  await execution.result({ timeout: '10s' });
  const gaps = ['', ...timeline.intervals.map((ms) => `, ${ms} ms after the one before`)];
  for (const [at, label] of timeline.labels.entries()) say(`run ${at + 1} of ${label}${gaps[at]}`);
}
