import { Injectable } from '@nestjs/common';
import { Durable, TaskContext } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';

@Injectable()
export class PipelineTasks {
  constructor(private readonly context: TaskContext) {}

  @Durable('pipelines.run', { retry: { attempts: 2, delay: '10ms' } })
  async run(): Promise<void> {
    const { logger, attempt } = this.context;
    logger.log('Data extraction completed');
    if (attempt === 1) throw new Error('The lake is dry');
    logger.log('Data loading completed');
  }
}

export async function playTaskLogger({ queue, log, say }: Stage, { run }: PipelineTasks): Promise<void> {
  const execution = await queue.add(run, { key: 'pipeline:7' })();
  await execution.result({ timeout: '10s' });
  for (const { message, fields } of log.with('completed').filter(({ level }) => level === 'log')) {
    say(`${message} ${JSON.stringify(fields)}`);
  }
}
