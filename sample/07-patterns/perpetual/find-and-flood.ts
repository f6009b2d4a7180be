import { Injectable } from '@nestjs/common';
import { Durable, Perpetual, TaskQueue } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class OrderTasks {
  readonly timeline = new Timeline();
  readonly found: string[] = [];
  /** Stands for a table of orders. */
  readonly pending = new Set(['17', '18', '19', '20']);

  constructor(private readonly queue: TaskQueue) {}

  @Perpetual({ every: '120ms' })
  @Durable('orders.find')
  async find(): Promise<void> {
    const adds = [...this.pending].map((id) => this.queue.add(this.process, { key: `order:${id}` })(id));
    const dispositions = (await Promise.all(adds)).map(({ disposition }) => disposition);
    const added = dispositions.filter((disposition) => disposition === 'scheduled').length;
    this.found.push(`${added} of ${adds.length} added`);
  }

  @Durable('orders.process')
  async process(id: string): Promise<void> {
    await this.timeline.run(id, 160); // longer than it takes to the next look
    this.pending.delete(id);
  }
}

export async function playFindAndFlood({ queue, say }: Stage, tasks: OrderTasks): Promise<void> {
  await queue.add(tasks.find, { key: 'find' })();
  await tasks.timeline.reaches(4);
  tasks.pending.add('21');
  await tasks.timeline.reaches(5);
  await queue.cancel('find');
  await queue.runUntilFinished();
  say(`looks: ${tasks.found.join('; ')}`);
  say(`processed: orders ${tasks.timeline.labels.toSorted().join(', ')}, ${tasks.timeline.atOnce()} at once`);
}
