import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class ImportTasks {
  readonly timeline = new Timeline();

  constructor(private readonly queue: TaskQueue) {}

  @Durable('imports.download')
  async download(url: string): Promise<void> {
    const path = `/tmp/${url.split('/').at(-1)}`;
    await this.timeline.run(`download ${url}`);
    // A key for each step: a run that is repeated after a crash does not add the next one a second time.
    await this.queue.add(this.validate, { key: `validate:${path}` })(path);
  }

  @Durable('imports.validate')
  async validate(path: string): Promise<void> {
    await this.timeline.run(`validate ${path}`);
    const next = path.endsWith('.csv') ? this.process : this.reject;
    await this.queue.add(next, { key: `process:${path}` })(path);
  }

  @Durable('imports.process')
  process(path: string): Promise<void> {
    return this.timeline.run(`process ${path}`);
  }

  @Durable('imports.reject')
  reject(path: string): Promise<void> {
    return this.timeline.run(`reject ${path}`);
  }
}

export async function playSequential({ queue, say }: Stage, { download, timeline }: ImportTasks): Promise<void> {
  for (const url of ['https://example.com/prices.csv', 'https://example.com/prices.exe']) {
    await queue.add(download)(url);
    await queue.runUntilFinished();
    say(timeline.labels.slice(-3).join(' → '));
  }
}
