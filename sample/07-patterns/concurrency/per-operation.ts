import { Injectable } from '@nestjs/common';
import { ConcurrencyLimit, Durable } from 'nestjs-tasks';
import type { Stage } from '../stage/stage.js';
import { Timeline } from '../stage/timeline.js';

interface MediaFile {
  readonly path: string;
  readonly operation: 'transcode' | 'resize';
}

@Injectable()
export class MediaTasks {
  readonly timeline = new Timeline();

  @Durable('media.process')
  async process(@ConcurrencyLimit(3, { by: 'operation' }) { path, operation }: MediaFile): Promise<void> {
    await this.timeline.run(`${operation} ${path}`, 60);
  }
}

export async function playPerOperation({ queue, say }: Stage, { process, timeline }: MediaTasks): Promise<void> {
  for (let at = 1; at <= 5; at += 1) await queue.add(process)({ path: `movie${at}.mp4`, operation: 'transcode' });
  for (let at = 1; at <= 2; at += 1) await queue.add(process)({ path: `photo${at}.jpg`, operation: 'resize' });
  await queue.runUntilFinished();
  for (const line of timeline.picture()) say(line);
  say(
    `at most ${timeline.atOnce('transcode')} transcodes at once, and ${timeline.atOnce('resize')} resizes beside them`,
  );
}
