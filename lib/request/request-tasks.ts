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

/** Tasks of one HTTP request in one application. Usually one route answers; with `@Next()` several take their turn. */
export class RequestTasks extends ExchangeTasks {
  /** Tasks of another application that has the same request. */
  readonly other: RequestTasks | undefined;
  readonly readsGenerators = true;
  readonly isEndForetold = true;
  private response: ServerResponse | undefined = undefined;
  private statusAtEnd: number | undefined = undefined;
  private isResponseWatched = false;
  private isBeginWatched = false;
  /** Run for tasks that are scheduled before a route is reached, and then the run of that route. */
  private next: RouteRun | undefined = undefined;

  constructor(environment: RequestEnvironment, other: RequestTasks | undefined) {
    super(environment);
    this.other = other;
  }

  /** Keeps the response and the ContextId, as far as the caller knows them. */
  meet(response: ServerResponse | undefined, contextId: ContextId | undefined): void {
    if (this.hasEnded) return;
    this.response ??= response;
    this.contextId ??= contextId;
  }

  /** Enters a route whose guards the request has passed. */
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

  /** True: no route waits for another. */
  override get isOver(): boolean {
    return true;
  }

  /**
   * Tells server-sent events, which are sent one by one; of other Observables Nest sends the last value at completion.
   */
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

  /** Ends the response. */
  override end(): void {
    if (this.hasEnded) return;
    const { response } = this;
    this.hasEnded = true;
    // A departed client has seen no status.
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

  /** True after Nest has made a ContextId, on the way to a route whose end is observed. */
  private get isRouteAwaited(): boolean {
    return this.contextId !== undefined;
  }

  /** Takes the status for the outcome, for services from `moduleRef.resolve()` in a route without `@Tasks()`. */
  private watchBegin(): void {
    if (this.response === undefined) return;
    this.isBeginWatched = true;
    onResponseBegin(this.response, (status) => {
      if (this.runs.length === 0) this.next?.end(outcomeOf(status));
    });
  }

  /** Ends the response before a route was reached: a guard has denied it, or no interceptor observes the route. */
  private endUnrouted(run: RouteRun, response: ServerResponse, wasRouteAwaited: boolean): void {
    if (!wasRouteAwaited) run.end(outcomeOf(response.statusCode));
    else if (response.writableEnded) run.end('error');
    // The client has gone while a guard still decides. If it lets the request pass, the handler decides. If not, the
    // filter's answer is the only sign left: no event is emitted for it.
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
