import { createParamDecorator, type PipeTransform } from '@nestjs/common';
import { PARAMTYPES_METADATA } from '@nestjs/common/constants.js';
import { refuseBare } from '../decorators/bare-decorator.js';
import { currentOwner } from './batch-owner.js';
import { takeTasks } from './take-tasks.js';
import { TasksService } from './tasks.service.js';

/** Pipe after all others, which puts the service in the place of their value. */
const takeService: PipeTransform = {
  transform: (value: unknown): TasksService => (value instanceof TasksService ? value : currentOwner()!.service),
};

/** Hides the parameter's type, so that pipes by type, such as ValidationPipe, have nothing to check. */
const hideType: ParameterDecorator = (target, key, index) => {
  const types = Reflect.getMetadata(PARAMTYPES_METADATA, target, key!) as unknown[] | undefined;
  if (types !== undefined) Reflect.defineMetadata(PARAMTYPES_METADATA, types.with(index, Object), target, key!);
};

const decorate = createParamDecorator(takeTasks, [hideType]);

/**
 * Takes the request's {@link TasksService} as a parameter of a handler: of a controller, a resolver, a microservice or
 * a gateway. The same object that is injected, without making the class request-scoped. Pipes leave it unchanged.
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
