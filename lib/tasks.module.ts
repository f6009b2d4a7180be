import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  Scope,
  type DynamicModule,
  type FactoryProvider,
  type Provider,
} from '@nestjs/common';
import { ModulesContainer, REQUEST } from '@nestjs/core';
import { serializeAsJson } from './class-serialization.js';
import { BlockingTasks } from './scheduler/blocking-tasks.js';
import { ErrorHandlers } from './scheduler/error-handlers.js';
import { ProviderMethods } from './scheduler/provider-methods.js';
import { TaskEvents } from './scheduler/task-events.js';
import { TaskFactory } from './scheduler/task-factory.js';
import { TaskHandover } from './scheduler/task-handover.js';
import { TaskLedger } from './scheduler/task-ledger.js';
import { TaskLog } from './scheduler/task-log.js';
import { TaskRunDecorator } from './scheduler/task-run-decorator.js';
import { TaskRunner } from './scheduler/task-runner.js';
import { TaskScheduler } from './scheduler/task-scheduler.js';
import { TaskTracer } from './scheduler/task-tracer.js';
import { createTaskTracer } from './telemetry/create-task-tracer.js';
import { TasksHealthIndicator } from './telemetry/tasks-health.indicator.js';
import { Threads } from './threads/threads.js';
import { resolveTasksOptions, TASKS_OPTIONS, type ResolvedTasksOptions } from './scheduler/tasks-options.js';
import type { TasksModuleOptions } from './tasks-module-options.js';
import { TasksShutdown } from './scheduler/tasks-shutdown.js';
import { AutomaticTasks } from './queue/behaviours/automatic-tasks.js';
import { BuiltInTasks } from './queue/behaviours/built-in-tasks.js';
import { Doorkeeper } from './queue/behaviours/doorkeeper.js';
import { FanIns } from './queue/behaviours/fan-ins.js';
import { HeldExecutions } from './queue/behaviours/held-executions.js';
import { Strikes } from './queue/behaviours/strikes.js';
import { Upkeep } from './queue/behaviours/upkeep.js';
import { BROKER } from './queue/brokers/broker.js';
import { createBroker } from './queue/brokers/create-broker.js';
import { CLOCK, systemClock } from './queue/clock.js';
import { DurableRegistry } from './queue/durable-registry.js';
import { ExecutionAdder } from './queue/execution-adder.js';
import { ExecutionRunner } from './queue/execution-runner.js';
import { Executions } from './queue/executions.js';
import { QueueHandover } from './queue/queue-handover.js';
import { QueueLog } from './queue/queue-log.js';
import { QUEUE_OPTIONS, resolveQueueOptions, WORKER_ID } from './queue/queue-options.js';
import { createWorkerId, QueueWorker } from './queue/queue-worker.js';
import { TaskQueue } from './queue/task-queue.js';
import { UnknownTasks } from './queue/unknown-tasks.js';
import { Enqueuer } from './request/enqueuer.js';
import { RawResponses } from './request/raw-responses.js';
import { RequestRegistry } from './request/request-registry.js';
import { TasksInterceptor } from './request/tasks.interceptor.js';
import { TasksService } from './request/tasks.service.js';
import { TaskContext } from './task/task-context.js';
import { TasksConfigError, TasksModuleMissingError } from './task/task-errors.js';

/**
 * What a class given to `forRootAsync({ useClass })` or `useExisting` implements.
 *
 * @publicApi
 */
export interface TasksOptionsFactory {
  createTasksOptions(): TasksModuleOptions | Promise<TasksModuleOptions>;
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<TasksModuleOptions>({ moduleName: 'Tasks' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createTasksOptions')
    .setExtras({ isGlobal: true as boolean | undefined }, (definition, { isGlobal = true }) => ({
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []), ...PROVIDERS],
    }))
    .build();

const OPTIONS: FactoryProvider = {
  provide: TASKS_OPTIONS,
  inject: [MODULE_OPTIONS_TOKEN],
  useFactory: resolveTasksOptions,
};

const QUEUE: Provider[] = [
  {
    provide: QUEUE_OPTIONS,
    inject: [MODULE_OPTIONS_TOKEN],
    useFactory: ({ queue }: TasksModuleOptions) => resolveQueueOptions(queue),
  },
  // A factory: tests put their own in its place, and Nest 11 takes none for a value.
  { provide: CLOCK, useFactory: () => systemClock },
  { provide: WORKER_ID, useFactory: createWorkerId },
  { provide: BROKER, inject: [QUEUE_OPTIONS, CLOCK, WORKER_ID], useFactory: createBroker },
  QueueLog,
  DurableRegistry,
  Executions,
  Strikes,
  ExecutionAdder,
  BuiltInTasks,
  HeldExecutions,
  FanIns,
  Doorkeeper,
  UnknownTasks,
  ExecutionRunner,
  AutomaticTasks,
  Upkeep,
  QueueWorker,
  TaskQueue,
  { provide: TaskHandover, useClass: QueueHandover },
];

const TRACER: FactoryProvider = {
  provide: TaskTracer,
  inject: [TASKS_OPTIONS, TaskEvents],
  useFactory: createTaskTracer,
};

const THREADS: FactoryProvider = {
  provide: Threads,
  inject: [TASKS_OPTIONS, TaskLog],
  useFactory: ({ threads }: ResolvedTasksOptions, log: TaskLog) => new Threads(threads, log),
};

const REQUEST_TASKS: FactoryProvider = {
  provide: TasksService,
  scope: Scope.REQUEST,
  inject: [REQUEST, RequestRegistry],
  useFactory: (request: unknown, registry: RequestRegistry) => registry.serviceFor(request),
};

const PROVIDERS: Provider[] = [
  OPTIONS,
  TaskContext,
  TaskEvents,
  TaskLog,
  TaskLedger,
  TRACER,
  ErrorHandlers,
  BlockingTasks,
  TaskRunDecorator,
  TaskRunner,
  ProviderMethods,
  THREADS,
  TaskFactory,
  TaskScheduler,
  TasksShutdown,
  TasksHealthIndicator,
  RawResponses,
  Enqueuer,
  RequestRegistry,
  TasksInterceptor,
  REQUEST_TASKS,
  ...QUEUE,
];

const PUBLIC = [TaskContext, TaskQueue, TaskScheduler, TasksHealthIndicator, TasksService];

/** Stands in for a provider when the module is imported without `forRoot()`; the dynamic module replaces it. */
function missing(provide: (typeof PUBLIC)[number]): FactoryProvider {
  return {
    provide,
    useFactory: () => {
      throw new TasksModuleMissingError('TasksModule is imported without forRoot()');
    },
  };
}

/**
 * Provides `TasksService`, `TaskScheduler`, `TaskQueue`, `TaskContext` and `TasksHealthIndicator`. Import it once, in the
 * root module.
 *
 * @example
 * ```ts
 * @Module({ imports: [TasksModule.forRoot({ onError: ReportToSentry, shutdown: { timeout: '25s' } })] })
 * export class AppModule {}
 * ```
 * @publicApi
 */
@Module({ providers: PUBLIC.map(missing), exports: PUBLIC })
export class TasksModule extends ConfigurableModuleClass {
  constructor(@Inject(ModulesContainer) modules: ModulesContainer) {
    super();
    serializeAsJson();
    const imported = [...modules.values()].filter((module) => module.hasProvider(TASKS_OPTIONS));
    if (imported.length > 1) {
      throw new TasksConfigError(
        'The number of modules made by TasksModule.forRoot()',
        imported.length,
        'one, in the root module; with isGlobal: false keep its result in a constant and import that where it is needed',
      );
    }
  }

  /**
   * @param options see {@link TasksModuleOptions}.
   * @throws {TasksConfigError} naming the first option that cannot be used: at bootstrap, `isGlobal` at once.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    checkIsGlobal('TasksModule.forRoot()', options);
    return super.forRoot(options);
  }

  /**
   * The same with options from a factory, which may be async and inject what it needs.
   *
   * @example
   * ```ts
   * TasksModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ concurrency: config.get('TASKS_CONCURRENCY') }),
   * });
   * ```
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    checkIsGlobal('TasksModule.forRootAsync()', options);
    return super.forRootAsync(options);
  }
}

/** The one option that Nest needs at once; the others are checked when the module is made. */
function checkIsGlobal(where: string, options: { isGlobal?: boolean | undefined }): void {
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError(where, options, 'an object of options');
  }
  const { isGlobal } = options;
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') {
    throw new TasksConfigError('isGlobal', isGlobal, 'true or false');
  }
}
