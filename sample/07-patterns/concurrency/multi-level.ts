import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

@Injectable()
export class ExportTasks {
  readonly timeline = new Timeline();

  @Durable('exports.user')
  async export(
    @ConcurrencyLimit(1) userId: number,
    @ConcurrencyLimit(2) type: string,
    @ConcurrencyLimit(3) region: string,
  ): Promise<void> {
    await this.timeline.run(`user ${userId}, ${type}, ${region}`, 60);
  }
}

export async function playMultiLevel({ queue, say }: Stage, tasks: ExportTasks): Promise<void> {
  for (const [userId, type] of [
    [1, 'csv'],
    [1, 'pdf'],
    [2, 'csv'],
    [3, 'csv'],
    [4, 'pdf'],
    [5, 'pdf'],
  ] as const) {
    await queue.add(tasks.export)(userId, type, 'eu');
  }
  await queue.runUntilFinished();
  const { timeline } = tasks;
  for (const line of timeline.picture()) say(line);
  const [user, csv, pdf, eu] = ['user 1', 'csv', 'pdf', 'eu'].map((text) => timeline.atOnce(text));
  say(`at most ${user} at once of user 1, ${csv} of csv, ${pdf} of pdf, ${eu} in eu`);
}
