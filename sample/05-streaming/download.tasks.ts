import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Shielded } from 'nestjs-tasks';
import type { Download } from './download.js';
import { Timeline } from './timeline.service.js';

/** One task for each timing. */
@Injectable()
export class DownloadTasks implements OnModuleInit {
  private readonly folder = process.env.DATA_DIR ?? '.data/05-streaming';

  constructor(private readonly timeline: Timeline) {}

  async onModuleInit(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
  }

  announce(download: Download): void {
    this.timeline.add(download, 'immediate task');
  }

  prepare(download: Download): void {
    this.timeline.add(download, 'after-route task');
  }

  /** Shielded: shutdown waits until the line is written. */
  @Shielded()
  async store(download: Download): Promise<void> {
    this.timeline.add(download, 'after-response task');
    const record = { ...download, endedAt: new Date() };
    await appendFile(join(this.folder, 'downloads.jsonl'), `${JSON.stringify(record)}\n`);
  }
}
