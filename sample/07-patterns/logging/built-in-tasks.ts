import { Injectable } from '@nestjs/common';
import { Durable, tasks } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';

/** A process runs the built-in tasks when it has any of its own. */
@Injectable()
export class OwnTasks {
  @Durable('own.task')
  run(): void {}
}

export async function playBuiltInTasks({ queue, log, say }: Stage): Promise<void> {
  const traced = await queue.add(tasks.trace, { key: 'milestone' })('System startup completed');
  await traced.result({ timeout: '10s' });
  say(`trace logs: ${log.with('System startup').find(({ level }) => level === 'log')?.message}`);
  const failed = await queue.add(tasks.fail)('Testing the error notification system');
  const error: unknown = await failed.result({ timeout: '10s' }).catch((reason: unknown) => reason);
  say(`fail fails: ${String(error)}`);
  const since = performance.now();
  const slept = await queue.add(tasks.sleep)(100);
  await slept.result({ timeout: '10s' });
  say(`sleep(100) took ${Math.round(performance.now() - since)} ms, with the way there and back`);
}
