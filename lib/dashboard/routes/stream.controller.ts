import { Get, Injectable, Req, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { visitOf } from '../access/visit.js';
import { isFastify, type AdapterReply } from '../answer/adapter-reply.js';
import { failed, failure } from '../answer/api-failure.js';
import { send } from '../answer/answer.js';
import { LivePage } from '../live/live-page.js';
import { LiveViews } from '../live/live-views.js';
import { OpenStreams } from '../live/open-streams.js';
import type { DashboardRequest } from './dashboard-request.js';

const HEADERS = {
  'content-type': 'text/event-stream',
  // Compression would hold events back, and so would the buffer of nginx.
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** Live data of one view, as server-sent events. */
@Injectable()
export class StreamController {
  constructor(
    private readonly views: LiveViews,
    private readonly streams: OpenStreams,
  ) {}

  @Get('stream')
  async stream(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    const { access, user } = visitOf(request);
    const name = await user();
    const { refusal } = this.streams;
    if (refusal !== undefined) {
      send(reply, failed(failure(503, refusal)));
      return;
    }
    const response = begin(reply);
    if (request.method === 'HEAD' || response.destroyed) {
      response.end();
      return;
    }
    const { view, ...query } = request.query;
    const page = new LivePage(this.streams.open(response), { access, ...(name !== undefined && { user: name }) });
    page.show(this.views, typeof view === 'string' ? view : '', query);
  }
}

/** Takes the response from the adapter, with the headers that the application has set. */
function begin(reply: AdapterReply): ServerResponse {
  const response = isFastify(reply) ? reply.raw : reply;
  const set = isFastify(reply) ? reply.getHeaders() : {};
  // A connection that was kept alive would hold a shutdown. HTTP/2 has no such header.
  const connection = response.req.httpVersionMajor < 2 ? { connection: 'close' } : {};
  if (isFastify(reply)) reply.hijack();
  response.writeHead(200, { ...set, ...HEADERS, ...connection });
  return response;
}
