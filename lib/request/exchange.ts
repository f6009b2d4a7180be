import type { ContextId } from '@nestjs/core';
import type { TaskFactory } from '../scheduler/task-factory.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import type { ConfigLayer } from '../task/config-layer.js';
import type { Enqueuer } from './enqueuer.js';
import type { Route } from './route.js';
import type { TasksService } from './tasks.service.js';

/** Services that the requests of an application share. */
export interface RequestEnvironment {
  readonly enqueuer: Enqueuer;
  readonly factory: TaskFactory;
  readonly runner: TaskRunner;
  /** Options of all tasks of a route; without one, those of the module. */
  layerOf(route: Route | undefined): ConfigLayer;
}

/** A request and its reply, as far as the owners of its batches need to know. */
export interface Exchange {
  readonly service: TasksService;
  readonly environment: RequestEnvironment;
  readonly contextId: ContextId | undefined;
  /** The reply was sent, or its receiver has gone. */
  readonly hasEnded: boolean;
  /** Status of the reply as it stands now; `undefined` where a reply has none. */
  readonly status: number | undefined;
  /** What a handler returns may be an async generator, whose chunks Nest sends as they come. */
  readonly readsGenerators: boolean;
  /** The first use of a batch. May throw where nothing would ever tell that its moment has come. */
  beforeBatch(): void;
  /** A task was made: the end of the reply matters from now on. */
  watchReply(): void;
  /** Whether the reply to this route cannot be held back. */
  isReplyUnderway(route: Route | undefined, hasEmitted: boolean): boolean;
  /**
   * An addition that the reply is to wait for.
   *
   * @throws {TasksUsageError} `REPLY_UNDERWAY` when it cannot.
   * @throws {TasksUsageError} `NO_ROUTE` when nothing tells of the route.
   */
  beforeEnqueue(route: Route | undefined, hasEmitted: boolean): void;
}
