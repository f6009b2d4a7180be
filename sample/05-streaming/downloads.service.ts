import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { Download } from './download.js';
import { Timeline } from './timeline.service.js';

/** Watches downloads from outside: their first chunk, their last and their end. */
@Injectable()
export class DownloadsService {
  constructor(private readonly timeline: Timeline) {}

  begin(kind: Download['kind'], response: Response): Download {
    const download = new Download(kind);
    // A response that was sent emits 'finish', then 'close'; one whose client has gone 'close' first. To ask
    // `response.writableFinished` would not tell: it turns true on a response that nobody received.
    response.once('finish', () => this.end(download, 'complete'));
    response.once('close', () => this.end(download, 'aborted'));
    return download;
  }

  async *track(download: Download, chunks: AsyncIterable<string>): AsyncGenerator<string> {
    let isFirst = true;
    for await (const chunk of chunks) {
      if (isFirst) this.timeline.add(download, 'first chunk');
      isFirst = false;
      yield chunk;
    }
    this.timeline.add(download, 'last chunk');
  }

  private end(download: Download, outcome: 'complete' | 'aborted'): void {
    if (download.outcome !== undefined) return;
    download.outcome = outcome;
    this.timeline.add(download, outcome === 'complete' ? 'response sent' : 'client gone');
  }
}
