import { Injectable, Post, Req, Res } from '@nestjs/common';
import type { ActionName } from '../../operations/api.js';
import { visitOf } from '../access/visit.js';
import type { AdapterReply } from '../answer/adapter-reply.js';
import { failed, failureOf } from '../answer/api-failure.js';
import { json, send, type Answer } from '../answer/answer.js';
import { DashboardActions } from '../dashboard-actions.js';
import type { DashboardRequest } from './dashboard-request.js';
import { sentBody } from './sent-body.js';

/** Actions, each by a POST with a body of JSON. */
@Injectable()
export class ActionsController {
  constructor(private readonly actions: DashboardActions) {}

  @Post('cancel')
  cancel(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('cancel', request, reply);
  }

  @Post('retry')
  retry(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('retry', request, reply);
  }

  @Post('forget')
  forget(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('forget', request, reply);
  }

  @Post('run-now')
  runNow(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('run-now', request, reply);
  }

  @Post('retry-all')
  retryAll(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('retry-all', request, reply);
  }

  @Post('forget-all')
  forgetAll(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('forget-all', request, reply);
  }

  @Post('clear')
  clear(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('clear', request, reply);
  }

  @Post('pause')
  pause(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('pause', request, reply);
  }

  @Post('resume')
  resume(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('resume', request, reply);
  }

  @Post('strike')
  strike(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('strike', request, reply);
  }

  @Post('restore')
  restore(@Req() request: DashboardRequest, @Res() reply: AdapterReply): Promise<void> {
    return this.act('restore', request, reply);
  }

  private async act(action: ActionName, request: DashboardRequest, reply: AdapterReply): Promise<void> {
    // Before anything is done: an action of which nobody can say whose it was is none.
    const user = await visitOf(request).user();
    send(reply, await this.answerOf(action, request, user));
  }

  private async answerOf(action: ActionName, request: DashboardRequest, user: string | undefined): Promise<Answer> {
    try {
      return json(await this.actions.act(action, await sentBody(request), user));
    } catch (error) {
      return failed(failureOf(error));
    }
  }
}
