import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext, type ExecutionEvent } from 'nestjs-tasks';
import { lastValueFrom, tap } from 'rxjs';
import type { Stage } from '../stage/stage.js';

@Injectable()
export class UploadTasks {
  constructor(private readonly context: TaskContext) {}

  @Durable('uploads.store')
  async store(files: string[]): Promise<void> {
    const { progress } = this.context;
    progress.total(files.length);
    for (const file of files) {
      progress.message(file);
      await sleep(130);
      progress.increment();
    }
  }
}

export async function playProgress({ queue, say }: Stage, { store }: UploadTasks): Promise<void> {
  const execution = await queue.add(store)(['a.jpg', 'b.jpg', 'c.jpg']);
  const tell = tap(({ state, progress }: ExecutionEvent) => {
    const { current, total, message } = progress ?? {};
    const parts = [state, current === undefined ? '' : `${current} of ${total}`, message ?? ''];
    say(parts.filter((part) => part !== '').join(', '));
  });
  await lastValueFrom(execution.events$.pipe(tell));
}
