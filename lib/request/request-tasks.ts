import type { ServerResponse } from 'node:http';
import type { ContextId } from '@nestjs/core';
import { HandlerTasks } from './handler-tasks.js';
import { onAnswerToNobody, onResponseEnd } from './response-end.js';
import { isEventStream, repliesByItself } from './route.js';
import { TasksService } from './tasks.service.js';

/** The tasks of one HTTP request, which one handler answers. */
export class RequestTasks extends HandlerTasks {
  contextId: ContextId | undefined;

  private response: ServerResponse | undefined;
  private isResponseWatched = false;
  private serviceOnDemand: TasksService | undefined;

  get service(): TasksService {
    return (this.serviceOnDemand ??= new TasksService(this));
  }

  /** Gets to know what belongs to the request, as far as it is known where the tasks are asked for. */
  meet(response: ServerResponse | undefined, contextId: ContextId | undefined): void {
    if (this.hasResponseEnded) return;
    this.response ??= response;
    this.contextId ??= contextId;
  }

  /** Nest lets go of Observables alone. */
  override get isAwaited(): boolean {
    return false;
  }

  protected override get isReplyUnderway(): boolean {
    const { route, response } = this;
    return response?.headersSent === true || (route !== undefined && (isEventStream(route) || repliesByItself(route)));
  }

  /** Server-sent events do; of any other Observable Nest sends the last value when it completes. */
  override get isStreaming(): boolean {
    return this.route !== undefined && isEventStream(this.route);
  }

  protected override watchResponse(): void {
    if (this.isResponseWatched || this.response === undefined) return;
    this.isResponseWatched = true;
    onResponseEnd(this.response, () => this.endResponse());
  }

  override endResponse(): void {
    if (this.hasResponseEnded) return;
    const { response } = this;
    // A long task may keep the service, and with it what Nest made for the request and the response.
    this.response = undefined;
    this.contextId = undefined;
    if (this.route === undefined && response !== undefined) this.settleDenied(response);
    super.endResponse();
  }

  /** The response has ended before any handler was reached. */
  private settleDenied(response: ServerResponse): void {
    if (response.writableEnded) {
      this.settle('error'); // a guard has denied it, or a middleware answered
      return;
    }
    // The client has gone while a guard still thinks. If it lets the request pass, the handler decides; if not, the
    // filter's answer to nobody is the only sign that is left: no event is emitted for it.
    onAnswerToNobody(response, () => {
      if (this.route === undefined) this.settle('error');
    });
  }
}
