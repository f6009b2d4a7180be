import { Get, Injectable, Req, Res } from '@nestjs/common';
import { visitOf } from '../access/visit.js';
import type { AdapterReply } from '../answer/adapter-reply.js';
import { failed, failure, failureOf } from '../answer/api-failure.js';
import { json, send, type Answer } from '../answer/answer.js';
import { DashboardLog } from '../dashboard-log.js';
import { DashboardViews, type DataName, type SharedSummary } from '../dashboard-views.js';
import type { SummaryView } from '../../operations/api.js';
import type { DashboardRequest } from './dashboard-request.js';

/** Views as JSON, read when they are asked for. */
@Injectable()
export class ViewsController {
  constructor(
    private readonly views: DashboardViews,
    private readonly log: DashboardLog,
  ) {}

  @Get('summary')
  summary(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('summary', request, reply);
  }

  @Get('overview')
  overview(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('overview', request, reply);
  }

  @Get('executions')
  executions(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('executions', request, reply);
  }

  @Get('count')
  count(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('count', request, reply);
  }

  @Get('execution')
  execution(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('execution', request, reply);
  }

  @Get('failures')
  failures(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('failures', request, reply);
  }

  @Get('stats')
  stats(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('stats', request, reply);
  }

  @Get('tasks')
  tasks(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('tasks', request, reply);
  }

  @Get('schedules')
  schedules(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('schedules', request, reply);
  }

  @Get('strikes')
  strikes(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('strikes', request, reply);
  }

  @Get('limits')
  limits(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('limits', request, reply);
  }

  @Get('workers')
  workers(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('workers', request, reply);
  }

  @Get('now')
  now(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.answer('now', request, reply);
  }

  private async answer(view: DataName, request: DashboardRequest, reply: AdapterReply): Promise<void> {
    send(reply, await this.answerOf(view, request));
  }

  private async answerOf(view: DataName, request: DashboardRequest): Promise<Answer> {
    try {
      const value = await this.views.lookOf(view, request.query).read();
      if (value === undefined) return failed(failure(404, 'There is no such execution, or it is no longer kept.'));
      return json(view === 'summary' ? await withVisit(value as SharedSummary, request) : value);
    } catch (error) {
      const known = failureOf(error);
      if (known.statusCode === 500) this.log.viewFailed(view, error);
      return failed(known);
    }
  }
}

async function withVisit(summary: SharedSummary, request: DashboardRequest): Promise<SummaryView> {
  const { access, user } = visitOf(request);
  const name = await user();
  return { ...summary, access, ...(name !== undefined && { user: name }) };
}
