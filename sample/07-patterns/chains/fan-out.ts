import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext, TaskQueue, type ExecutionOutcome } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class DatasetTasks {
  readonly timeline = new Timeline();

  constructor(
    private readonly queue: TaskQueue,
    private readonly context: TaskContext,
  ) {}

  @Durable('datasets.process')
  async process(id: string): Promise<void> {
    const chunks = await Promise.all(
      ['a', 'b', 'c', 'd'].map((chunk, at) =>
        this.queue.add(this.processChunk, { key: `chunk:${id}:${chunk}` })(chunk, 60 + 60 * at),
      ),
    );
    // Not "when it should be done": when it is.
    await this.queue.after(chunks).add(this.finalize, { key: `finalize:${id}` })(id);
  }

  @Durable('datasets.processChunk')
  async processChunk(chunk: string, ms: number): Promise<number> {
    await this.timeline.run(`chunk ${chunk}`, ms);
    if (chunk === 'b') throw new Error('chunk b is damaged');
    this.context.signal.throwIfAborted();
    return ms;
  }

  @Durable('datasets.finalize')
  async finalize(_id: string): Promise<readonly string[]> {
    await this.timeline.run('finalize', 20);
    return this.context.outcomes.map((outcome) => `${outcome.key}: ${outcome.status}${detailOf(outcome)}`);
  }
}

function detailOf(outcome: ExecutionOutcome): string {
  return outcome.status === 'succeeded' ? `, ${String(outcome.value)}` : `, ${String(outcome.error)}`;
}

export async function playFanOut({ queue, say }: Stage, { process, timeline }: DatasetTasks): Promise<void> {
  const root = await queue.add(process)('7');
  await root.result({ timeout: '10s' });
  const finalize = await queue.get('finalize:7');
  await sleep(40);
  await queue.cancel('chunk:7:c');
  const outcomes = (await finalize?.result({ timeout: '10s' })) as string[];
  for (const line of timeline.picture()) say(line);
  say(`finalize ran ${timeline.labels.filter((label) => label === 'finalize').length} time, and was told:`);
  for (const outcome of outcomes) say(outcome);
}
