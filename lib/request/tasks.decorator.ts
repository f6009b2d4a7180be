import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { tasksServiceOf } from './request-registry.js';
import type { TasksService } from './tasks.service.js';

/**
 * The request's {@link TasksService} as a parameter of a handler, a resolver, or a message's handler in a microservice or
 * a gateway: the same object that is injected, without making the class request-scoped.
 *
 * @throws {TasksModuleMissingError} when `TasksModule.forRoot()` is not imported, or a hybrid application has connected
 * the microservice without `inheritAppConfig`.
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
  (_data: unknown, context: ExecutionContext): TasksService => tasksServiceOf(context),
);
