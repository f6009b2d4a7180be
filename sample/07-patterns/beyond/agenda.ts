import { Injectable } from '@nestjs/common';
import { Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class DigestTasks {
  readonly timeline = new Timeline();

  @Durable('digests.send')
  async send(customerId: string): Promise<void> {
    await this.timeline.run(customerId);
  }
}

export async function playAgenda({ queue, say }: Stage, { send, timeline }: DigestTasks): Promise<void> {
  const agenda = queue.agenda();
  for (const id of ['ada', 'bob', 'cyd', 'dan', 'eve']) agenda.add(send, { key: `digest:${id}` })(id);
  await agenda.scatter({ over: '600ms' });
  const again = await agenda.scatter({ over: '600ms' });
  await queue.runUntilFinished();
  say(`5 over 600 ms: ${timeline.labels.map((label, at) => `${label} at ${timeline.starts[at]} ms`).join(', ')}`);
  say(`scattered again meanwhile: ${again.map(({ disposition }) => disposition).join(', ')}`);
}
