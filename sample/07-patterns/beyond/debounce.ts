import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Debounce, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class IndexTasks {
  readonly timeline = new Timeline();

  @Durable('documents.index')
  async index(@Debounce('150ms', { maxWait: '400ms' }) documentId: string, version: number): Promise<void> {
    await this.timeline.run(`${documentId} ${version}`);
  }
}

export async function playDebounce({ queue, say }: Stage, { index, timeline }: IndexTasks): Promise<void> {
  for (let version = 1; version <= 4; version += 1) {
    await queue.add(index)('a row of 4:', version);
    await sleep(30);
  }
  await timeline.reaches(1);
  for (let version = 1; version <= 12; version += 1) {
    await queue.add(index)('12 without a pause:', version);
    await sleep(60);
  }
  await queue.runUntilFinished();
  say(`ran with the arguments of the last: ${timeline.labels.join(', ')}`);
  say(`of 16 that were added, ${queue.counts.dropped} were dropped`);
}
