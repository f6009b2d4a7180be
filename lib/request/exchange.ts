import type { ContextId } from '@nestjs/core';
import type { TaskFactory } from '../scheduler/task-factory.js';
import type { TaskRunner } from '../scheduler/task-runner.js';
import type { ConfigLayer } from '../task/config-layer.js';
import type { ExecutionWriter } from '../queue/client/execution-writer.js';
import type { Route } from './route.js';
import type { TasksService } from './tasks.service.js';

/** Services that the requests of an application share. */
export interface RequestEnvironment {
  readonly writer: ExecutionWriter;
  readonly factory: TaskFactory;
  readonly runner: TaskRunner;
  /** Returns the options of all tasks of a route; without a route, the module's. */
  layerOf(route: Route | undefined): ConfigLayer;
}

/** Request and reply, as far as the owners of its batches need to know. */
export interface Exchange {
  readonly service: TasksService;
  readonly environment: RequestEnvironment;
  readonly contextId: ContextId | undefined;
  /** True when the reply was sent, or its receiver has gone. */
  readonly hasEnded: boolean;
  /** Current status of the reply; `undefined` where a reply has none. */
  readonly status: number | undefined;
  /** True where a handler may return an async generator, whose chunks Nest sends one by one. */
  readonly readsGenerators: boolean;
  /** Prepares for the first use of a batch. May throw where its moment could never be observed. */
  beforeBatch(): void;
  /** Watches the end of the reply, from the first task on. */
  watchReply(): void;
  /** Tells a reply to this route that cannot be held back. */
  isReplyUnderway(route: Route | undefined, hasEmitted: boolean): boolean;
  /**
   * Prepares for an addition that the reply waits for.
   *
   * @throws {TasksUsageError} `REPLY_UNDERWAY` when it cannot wait.
   * @throws {TasksUsageError} `NO_ROUTE` when the route cannot be observed.
   */
  beforeEnqueue(route: Route | undefined, hasEmitted: boolean): void;
}
