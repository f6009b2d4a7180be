import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Durable, Perpetual } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class HeartbeatTasks {
  readonly timeline = new Timeline();

  @Perpetual({ every: '80ms' })
  @Durable('heartbeats.send')
  async send(): Promise<void> {
    await this.timeline.run('sent');
  }
}

export async function playStruckHeartbeat({ queue, say }: Stage, { send, timeline }: HeartbeatTasks): Promise<void> {
  await queue.add(send, { key: 'heartbeat' })();
  await timeline.reaches(3);
  await queue.strike(send);
  const before = timeline.runs.length;
  await sleep(400);
  say(
    `${before} runs, then none while it is struck: ${timeline.runs.length - before} ran, ${queue.counts.struck} skipped`,
  );
  await queue.restore(send);
  await timeline.reaches(before + 2);
  say('restored, it goes on: nobody had to add it again');
  await queue.cancel('heartbeat');
}
