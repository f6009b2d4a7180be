import { Get, Injectable, Req, Res } from '@nestjs/common';
import type { AdapterReply } from '../answer/adapter-reply.js';
import { failed, failure } from '../answer/api-failure.js';
import { redirect, send, type Answer } from '../answer/answer.js';
import { PageFiles, type PageFile } from '../page-files.js';
import type { DashboardRequest } from './dashboard-request.js';

/** Pages, which are one file, and its assets. One level below the dashboard's path: the file names its assets from there. */
@Injectable()
export class PagesController {
  constructor(private readonly files: PageFiles) {}

  /** Leads to the first view. The location is relative: a proxy may have a prefix that the application does not know. */
  @Get()
  root(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    send(reply, redirect(`${beside(request)}overview`));
  }

  @Get('overview')
  overview(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('overview', request, reply);
  }

  @Get('executions')
  executions(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('executions', request, reply);
  }

  @Get('execution')
  execution(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('execution', request, reply);
  }

  @Get('failures')
  failures(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('failures', request, reply);
  }

  @Get('tasks')
  tasks(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('tasks', request, reply);
  }

  @Get('schedules')
  schedules(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('schedules', request, reply);
  }

  @Get('strikes')
  strikes(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('strikes', request, reply);
  }

  @Get('limits')
  limits(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('limits', request, reply);
  }

  @Get('workers')
  workers(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('workers', request, reply);
  }

  @Get('now')
  now(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    this.page('now', request, reply);
  }

  @Get('assets/:file')
  asset(@Req() request: DashboardRequest, @Res() reply: AdapterReply): void {
    const file = this.files.asset(request.params['file'] ?? '');
    send(reply, file === undefined ? failed(failure(404, 'There is no such file.')) : answerOf(file, request));
  }

  private page(name: string, request: DashboardRequest, reply: AdapterReply): void {
    // Below `overview/` the file would look for its assets in the wrong place.
    if (pathOf(request).endsWith('/')) send(reply, redirect(`../${name}`));
    else send(reply, answerOf(this.files.index(), request));
  }
}

function answerOf({ type, tag, body }: PageFile, { headers }: DashboardRequest): Answer {
  // Behind guards: kept by the browser alone, and asked about each time.
  const caching = { etag: tag, 'cache-control': 'private, no-cache' };
  const known = headers['if-none-match']?.split(',').some((other) => other.trim().replace(/^W\//, '') === tag);
  if (known === true) return { status: 304, headers: caching, body: Buffer.alloc(0) };
  return { status: 200, headers: { 'content-type': type, ...caching }, body };
}

/** Path from the address of the request to the dashboard's. */
function beside(request: DashboardRequest): string {
  const path = pathOf(request);
  return path.endsWith('/') ? '' : `${path.slice(path.lastIndexOf('/') + 1)}/`;
}

function pathOf({ originalUrl }: DashboardRequest): string {
  const [path = ''] = originalUrl.split('?');
  return path;
}
