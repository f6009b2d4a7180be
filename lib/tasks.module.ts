import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type Provider,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { serializeAsJson } from './class-serialization.js';
import { thisHalf } from './package/halves.js';
import { QUEUE_PROVIDERS } from './queue/queue.providers.js';
import { TaskQueue } from './queue/task-queue.js';
import { REQUEST_PROVIDERS } from './request/request.providers.js';
import { TasksService } from './request/tasks.service.js';
import { SCHEDULER_PROVIDERS } from './scheduler/scheduler.providers.js';
import { TaskScheduler } from './scheduler/task-scheduler.js';
import { MODULE_OPTIONS, RAW_OPTIONS, TASKS_OPTIONS } from './scheduler/tasks-options.js';
import { KnownOptions } from './task/known-options.js';
import { TaskContext } from './task/task-context.js';
import { TasksConfigError } from './task/task-errors.js';
import { moduleMissing } from './task/usage-errors.js';
import type { TasksModuleOptions } from './tasks-module-options.js';
import { TasksHealthIndicator } from './telemetry/tasks-health.indicator.js';
import { TELEMETRY_PROVIDERS } from './telemetry/telemetry.providers.js';

/**
 * Factory class for `forRootAsync({ useClass })` or `useExisting`.
 *
 * @publicApi
 */
export interface TasksOptionsFactory {
  createTasksOptions(): TasksModuleOptions | Promise<TasksModuleOptions>;
}

const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } = new ConfigurableModuleBuilder<TasksModuleOptions>(
  { moduleName: 'Tasks', optionsInjectionToken: RAW_OPTIONS },
)
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createTasksOptions')
  .setExtras({ isGlobal: true as boolean | undefined }, (definition, { isGlobal = true }) => ({
    ...definition,
    global: isGlobal,
    providers: [...(definition.providers ?? []), ...PROVIDERS],
  }))
  .build();

const ASYNC_OPTIONS = new KnownOptions<typeof ASYNC_OPTIONS_TYPE>(
  {
    imports: true,
    inject: true,
    useFactory: true,
    useClass: true,
    useExisting: true,
    provideInjectionTokensFrom: true,
    isGlobal: true,
  },
  Object.fromEntries(MODULE_OPTIONS.names.map((name) => [name, `useFactory, and return ${name} from there`])),
);

const PROVIDERS: readonly Provider[] = [
  ...SCHEDULER_PROVIDERS,
  ...TELEMETRY_PROVIDERS,
  ...QUEUE_PROVIDERS,
  ...REQUEST_PROVIDERS,
];

const PUBLIC = [TaskContext, TaskQueue, TaskScheduler, TasksHealthIndicator, TasksService];

/**
 * Creates the stand-in for a provider when the module is imported without `forRoot()`; the dynamic module replaces it.
 */
function missing(provide: (typeof PUBLIC)[number]): FactoryProvider {
  return {
    provide,
    useFactory: () => {
      throw moduleMissing('TasksModule is imported without forRoot()');
    },
  };
}

/**
 * Provides `TasksService`, `TaskScheduler`, `TaskQueue`, `TaskContext` and `TasksHealthIndicator`. Import it once, in
 * the root module.
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
        'The number of TasksModule.forRoot() modules',
        imported.length,
        'one, in the root module; with isGlobal: false, import the same constant everywhere',
      );
    }
  }

  /**
   * Creates the module.
   *
   * @param options see {@link TasksModuleOptions}.
   * @throws {TasksConfigError} naming the first option that cannot be used: at bootstrap, `isGlobal` at once.
   * @throws {TasksUsageError} `TWO_HALVES` when the process loads this package both as ES module and as CommonJS.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    checkSetUp('TasksModule.forRoot()', options);
    return super.forRoot(options);
  }

  /**
   * Creates the module with options from a factory, which may be async and have dependencies.
   *
   * @throws {TasksConfigError} naming an option that does not exist, or when no factory is passed.
   * @example
   * ```ts
   * TasksModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ concurrency: config.get('TASKS_CONCURRENCY') }),
   * });
   * ```
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    checkSetUp('TasksModule.forRootAsync()', options);
    ASYNC_OPTIONS.check(options, 'TasksModule.forRootAsync()');
    if ((options.useFactory ?? options.useClass ?? options.useExisting) === undefined) {
      const allowed = 'an object with useFactory, useClass or useExisting';
      throw new TasksConfigError('TasksModule.forRootAsync()', options, allowed, 'without a source of options');
    }
    return super.forRootAsync(options);
  }
}

thisHalf.load();

/** Checks what cannot wait for the module to be made: the one option that Nest needs at once, and a second half. */
function checkSetUp(where: string, options: { isGlobal?: boolean | undefined }): void {
  thisHalf.setUp();
  if (typeof options !== 'object' || options === null) {
    throw new TasksConfigError(where, options, 'an object of options');
  }
  const { isGlobal } = options;
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') {
    throw new TasksConfigError('isGlobal', isGlobal, 'true or false');
  }
}
