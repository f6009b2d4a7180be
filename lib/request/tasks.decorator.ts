import { createParamDecorator, type PipeTransform } from '@nestjs/common';
import { PARAMTYPES_METADATA } from '@nestjs/common/constants.js';
import { refuseBare } from '../decorators/bare-decorator.js';
import { currentOwner } from './batch-owner.js';
import { takeTasks } from './take-tasks.js';
import { TasksService } from './tasks.service.js';

/** Last of all pipes: puts the service in the place of what the others have been given. */
const takeService: PipeTransform = {
  transform: (value: unknown): TasksService => (value instanceof TasksService ? value : currentOwner()!.service),
};

/** Pipes that go by the type of a parameter, such as ValidationPipe, have nothing to check in `Object`. */
const hideType: ParameterDecorator = (target, key, index) => {
  const types = Reflect.getMetadata(PARAMTYPES_METADATA, target, key!) as unknown[] | undefined;
  if (types !== undefined) Reflect.defineMetadata(PARAMTYPES_METADATA, types.with(index, Object), target, key!);
};

const decorate = createParamDecorator(takeTasks, [hideType]);

/**
 * The request's {@link TasksService} as a parameter of a handler, a resolver, or a message's handler in a microservice or
 * a gateway: the same object that is injected, without making the class request-scoped. Pipes leave it as it is.
 *
 * @throws {TasksUsageError} `TASKS_MODULE_MISSING` when `TasksModule.forRoot()` is not imported.
 * @example
 * ```ts
 * @Post()
 * create(@Tasks() tasks: TasksService) {
 *   tasks.afterResponse.schedule(sendReceipt);
 * }
 * ```
 * @publicApi
 */
export function Tasks(): ParameterDecorator {
  refuseBare('Tasks', arguments);
  return decorate(undefined, takeService);
}
