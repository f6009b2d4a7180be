import type { ServerResponse } from 'node:http';
import type { ContextId } from '@nestjs/core';
import type { BatchOwner } from './batch-owner.js';
import type { RequestEnvironment } from './exchange.js';
import { ExchangeTasks } from './exchange-tasks.js';
import { noRoute } from './request-errors.js';
import { isGone, onAnswerToNobody, onResponseBegin, onResponseEnd } from './response-end.js';
import { isEventStream, repliesByItself, repliesInChunks, type Route } from './route.js';
import type { RouteOutcome } from './route-outcome.js';
import { RouteRun } from './route-run.js';

/** The tasks of one HTTP request in one application. Usually one route answers; with `@Next()` several take their turn. */
export class RequestTasks extends ExchangeTasks {
  /** Tasks of another application that has the same request. */
  readonly other: RequestTasks | undefined;
  readonly readsGenerators = true;
  readonly isEndForetold = true;
  private response: ServerResponse | undefined = undefined;
  private statusAtEnd: number | undefined = undefined;
  private isResponseWatched = false;
  private isBeginWatched = false;
  /** Takes what is scheduled before a route is reached, and becomes the run of that route. */
  private next: RouteRun | undefined = undefined;

  constructor(environment: RequestEnvironment, other: RequestTasks | undefined) {
    super(environment);
    this.other = other;
  }

  /** Gets to know what belongs to the request, as far as it is known where the tasks are asked for. */
  meet(response: ServerResponse | undefined, contextId: ContextId | undefined): void {
    if (this.hasEnded) return;
    this.response ??= response;
    this.contextId ??= contextId;
  }

  /** The request has passed the guards of a route. */
  enter(route: Route): RouteRun {
    const run = this.next ?? new RouteRun(this);
    this.next = undefined;
    run.route = route;
    this.runs.push(run);
    if (this.hasEnded) run.replyEnded();
    return run;
  }

  override get status(): number | undefined {
    return this.response?.statusCode ?? this.statusAtEnd;
  }

  /** Each route is on its own. */
  override get isOver(): boolean {
    return true;
  }

  /** Server-sent events are sent one by one; of any other Observable Nest sends the last value when it completes. */
  override isStreaming(route: Route | undefined): boolean {
    return route !== undefined && isEventStream(route);
  }

  override needsValue(route: Route | undefined): boolean {
    const { response } = this;
    const isAnswered = this.hasEnded || (response !== undefined && (response.headersSent || isGone(response)));
    return !isAnswered && !this.isStreaming(route);
  }

  override isReplyUnderway(route: Route | undefined): boolean {
    if (this.response?.headersSent === true) return true;
    return route !== undefined && (isEventStream(route) || repliesInChunks(route) || repliesByItself(route));
  }

  override routeEnded({ owners }: RouteRun): void {
    this.release(owners);
  }

  override decided(owner: BatchOwner): void {
    this.release([owner]);
  }

  override beforeBatch(): void {
    if (!this.isBeginWatched && this.runs.length === 0 && !this.isRouteAwaited) this.watchBegin();
  }

  override beforeEnqueue(route: Route | undefined, hasEmitted: boolean): void {
    if (this.runs.length === 0 && !this.isRouteAwaited) throw noRoute('request');
    super.beforeEnqueue(route, hasEmitted);
  }

  override watchReply(): void {
    if (this.isResponseWatched || this.response === undefined) return;
    this.isResponseWatched = true;
    onResponseEnd(this.response, () => this.end());
  }

  /** The response has ended, as far as tasks are concerned. */
  override end(): void {
    if (this.hasEnded) return;
    const { response } = this;
    this.hasEnded = true;
    // A client that has gone has seen no status.
    this.statusAtEnd = response?.headersSent === true ? response.statusCode : undefined;
    // A long task may keep the service, and with it what Nest made for the request and the response.
    this.response = undefined;
    const wasRouteAwaited = this.isRouteAwaited;
    this.contextId = undefined;
    for (const run of this.runs) run.replyEnded();
    if (this.next !== undefined && response !== undefined) this.endUnrouted(this.next, response, wasRouteAwaited);
    const runs = this.next === undefined ? this.runs : [...this.runs, this.next];
    const [run] = runs;
    if (runs.length === 1 && run !== undefined) this.releaseAfterResponse(run.owners);
    else this.releaseAfterResponse(runs.flatMap(({ owners }) => owners));
  }

  protected override get elsewhere(): BatchOwner {
    const run = this.runs.at(-1);
    if (run !== undefined) return run.latest;
    return (this.next ??= new RouteRun(this));
  }

  /** Nest has made a ContextId, as it does on the way to a route whose end is told of. */
  private get isRouteAwaited(): boolean {
    return this.contextId !== undefined;
  }

  /** Whoever got the service by `moduleRef.resolve()` in a route without `@Tasks()` has its status for an outcome. */
  private watchBegin(): void {
    if (this.response === undefined) return;
    this.isBeginWatched = true;
    onResponseBegin(this.response, (status) => {
      if (this.runs.length === 0) this.next?.end(outcomeOf(status));
    });
  }

  /** The response has ended before a route was reached: a guard has denied it, or nothing of ours sees the route. */
  private endUnrouted(run: RouteRun, response: ServerResponse, wasRouteAwaited: boolean): void {
    if (!wasRouteAwaited) run.end(outcomeOf(response.statusCode));
    else if (response.writableEnded) run.end('error');
    // The client has gone while a guard still thinks. If it lets the request pass, the handler decides; if not, the
    // filter's answer to nobody is the only sign that is left: no event is emitted for it.
    else {
      onAnswerToNobody(response, () => {
        if (run.route === undefined) run.end('error');
      });
    }
  }
}

function outcomeOf(status: number): RouteOutcome {
  return status < 400 ? 'success' : 'error';
}
