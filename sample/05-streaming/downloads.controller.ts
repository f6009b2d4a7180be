import { Readable } from 'node:stream';
import {
  Controller,
  DefaultValuePipe,
  Get,
  ParseIntPipe,
  Query,
  Res,
  Sse,
  StreamableFile,
  type MessageEvent,
} from '@nestjs/common';
import type { Response } from 'express';
import { Tasks, TasksService } from 'nestjs-tasks';
import { from, map, type Observable } from 'rxjs';
import { DownloadTasks } from './download.tasks.js';
import { DownloadsService } from './downloads.service.js';
import { RowsService } from './rows.service.js';

@Controller()
export class DownloadsController {
  constructor(
    private readonly rows: RowsService,
    private readonly downloads: DownloadsService,
    private readonly work: DownloadTasks,
  ) {}

  /** A stream: after-route tasks start when the handler has returned it, before its first line is read. */
  @Get('report')
  report(
    @Query('rows', new DefaultValuePipe(10_000), ParseIntPipe) rows: number,
    @Res({ passthrough: true }) response: Response,
    @Tasks() tasks: TasksService,
  ): StreamableFile {
    const download = this.downloads.begin('report', response);
    tasks.schedule(this.work.announce, download);
    tasks.afterRoute.schedule(this.work.prepare, download);
    tasks.afterResponse.schedule(this.work.store, download);
    const lines = this.downloads.track(download, this.rows.lines(rows));
    return new StreamableFile(Readable.from(lines), { type: 'text/csv' });
  }

  /** Server-sent events: the route goes on as long as the response, so after-route tasks start at its first event. */
  @Sse('export')
  export(
    @Query('rows', new DefaultValuePipe(10_000), ParseIntPipe) rows: number,
    @Res({ passthrough: true }) response: Response,
    @Tasks() tasks: TasksService,
  ): Observable<MessageEvent> {
    const download = this.downloads.begin('export', response);
    tasks.schedule(this.work.announce, download);
    tasks.afterRoute.schedule(this.work.prepare, download);
    tasks.afterResponse.schedule(this.work.store, download);
    const progress = this.downloads.track(download, this.rows.exportAll(rows));
    return from(progress).pipe(map((data) => ({ data })));
  }
}
