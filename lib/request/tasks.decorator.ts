import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { requestTasksOf } from './request-registry.js';
import type { TasksService } from './tasks.service.js';

/**
 * The request's {@link TasksService} as a parameter of a route handler: the same object that is injected, without
 * making the controller request-scoped.
 *
 * @throws {TasksModuleMissingError} when `TasksModule.forRoot()` is not imported.
 * @throws {NoRequestError} outside of HTTP.
 * @example
 * ```ts
 * @Post()
 * create(@Tasks() tasks: TasksService) {
 *   tasks.afterResponse.schedule(sendReceipt);
 * }
 * ```
 * @publicApi
 */
export const Tasks: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context: ExecutionContext): TasksService => requestTasksOf(context).service,
);
