import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type NestMiddleware,
} from '@nestjs/common';
import { ContextIdFactory, ModuleRef } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import {
  Shielded,
  TaskContext,
  Tasks,
  TasksConfigError,
  TaskScheduler,
  TasksModule,
  TasksService,
  type TasksModuleOptions,
} from 'nestjs-tasks';
import { ADAPTERS, send, startApp } from './support/app.js';
import { LogLines } from './support/log-lines.js';
import { startContext } from './support/context.js';
import { usageError } from './support/usage-error.js';

const boot = async (...imports: Parameters<typeof Test.createTestingModule>[0]['imports'] & object) => {
  const module = await Test.createTestingModule({ imports }).setLogger(new LogLines()).compile();
  return module.init();
};

describe('TasksModule', () => {
  it('needs no options', async () => {
    const context = await boot(TasksModule.forRoot());
    await expect(
      context
        .get(TaskScheduler)
        .schedule(() => 1)
        .result(),
    ).resolves.toBe(1);
    await context.close();
  });

  it.each<[unknown, string]>([
    [{ concurrency: -1 }, 'concurrency is -1. Allowed: a whole number from 1, or Infinity for no limit.'],
    [{ concurrency: 0 }, 'concurrency is 0.'],
    [{ concurrency: 1.5 }, 'concurrency is 1.5.'],
    [{ concurrency: '4' }, "concurrency is '4'."],
    [{ concurrency: NaN }, 'concurrency is NaN.'],
    [{ shutdown: { gracePeriod: 'soon' } }, "shutdown.gracePeriod is 'soon'. Allowed: milliseconds as a number"],
    [{ shutdown: { timeout: -5 } }, 'shutdown.timeout is -5.'],
    [{ shutdown: 5 }, 'shutdown is 5. Allowed: an object with gracePeriod and timeout.'],
    [{ shutdown: null }, 'shutdown is null.'],
    [{ onError: 'log' }, "onError is 'log'. Allowed: a function (task, error), or a provider class"],
    [{ timeout: 'later' }, "timeout is 'later'."],
    [{ shield: 1 }, 'shield is 1.'],
    [{ isGlobal: true }, 'isGlobal is true. Allowed: true or false beside useFactory, and not in what it returns.'],
    [
      'options',
      "The result of the factory of TasksModule.forRootAsync() is 'options'. Allowed: an object of options; {} for the defaults.",
    ],
  ])('fails at bootstrap with options that cannot be used: %j', async (options, message) => {
    const factory = { useFactory: () => options as TasksModuleOptions };
    await expect(boot(TasksModule.forRootAsync(factory))).rejects.toThrow(TasksConfigError);
    await expect(boot(TasksModule.forRootAsync(factory))).rejects.toThrow(message);
  });

  it('fails at bootstrap when a provider class in onError is not provided', async () => {
    class ReportToSentry {
      onTaskError(): void {}
    }
    await expect(boot(TasksModule.forRoot({ onError: ReportToSentry }))).rejects.toThrow(
      'onError is the function ReportToSentry. Allowed: a class that a module provides. Add ReportToSentry to the providers of a module.',
    );
  });

  it('refuses at once what Nest needs at once', () => {
    expect(() => TasksModule.forRoot(null as never)).toThrow(
      'TasksModule.forRoot() is null. Allowed: an object of options.',
    );
    expect(() => TasksModule.forRootAsync({ inject: [] })).toThrow(
      'TasksModule.forRootAsync() is without a source of options. Allowed: an object with useFactory, useClass or useExisting.',
    );
    expect(() => TasksModule.forRootAsync('x' as never)).toThrow("TasksModule.forRootAsync() is 'x'.");
    expect(() => TasksModule.forRoot({ isGlobal: 'yes' as never })).toThrow(
      "isGlobal is 'yes'. Allowed: true or false.",
    );
  });

  it('fails at bootstrap with options of forRoot() too', async () => {
    await expect(boot(TasksModule.forRoot({ concurrency: -1 }))).rejects.toThrow(/^concurrency is -1\./);
  });

  it('takes options from a factory, a class and an existing provider', async () => {
    @Injectable()
    class Options {
      static made = 0;
      constructor() {
        Options.made += 1;
      }
      async createTasksOptions(): Promise<TasksModuleOptions> {
        return { name: 'from a class' };
      }
    }
    @Module({ providers: [Options, { provide: 'name', useValue: 'from a factory' }], exports: [Options, 'name'] })
    class OptionsModule {}

    const named = async (definition: Parameters<typeof TasksModule.forRootAsync>[0]) => {
      const context = await boot(TasksModule.forRootAsync(definition));
      const { name } = context.get(TaskScheduler).schedule(() => {});
      await context.close();
      return name;
    };
    expect(
      await named({ imports: [OptionsModule], inject: ['name'], useFactory: async (name: string) => ({ name }) }),
    ).toBe('from a factory');
    expect(await named({ useClass: Options })).toBe('from a class');
    const before = Options.made;
    expect(await named({ imports: [OptionsModule], useExisting: Options })).toBe('from a class');
    expect(Options.made).toBe(before + 1);
  });

  it('is global by default, and only where it is imported with isGlobal: false', async () => {
    @Injectable()
    class Feature {
      constructor(readonly scheduler: TaskScheduler) {}
    }
    @Module({ providers: [Feature] })
    class FeatureModule {}

    const context = await boot(TasksModule.forRoot(), FeatureModule);
    expect(context.get(Feature, { strict: false }).scheduler).toBe(context.get(TaskScheduler));
    await context.close();
    await expect(boot(TasksModule.forRoot({ isGlobal: false }), FeatureModule)).rejects.toThrow(/TaskScheduler/);
    await expect(
      boot(TasksModule.forRootAsync({ isGlobal: false, useFactory: () => ({}) }), FeatureModule),
    ).rejects.toThrow(/TaskScheduler/);
  });

  it('may be imported in several modules as one constant with isGlobal: false', async () => {
    const tasks = TasksModule.forRoot({ isGlobal: false });
    @Module({ imports: [tasks] })
    class A {}
    @Module({ imports: [tasks] })
    class B {}
    const context = await boot(A, B);
    expect(context.get(TaskScheduler, { each: true, strict: false })).toHaveLength(1);
    await context.close();
  });

  it('refuses a second forRoot()', async () => {
    @Module({ imports: [TasksModule.forRoot()] })
    class FeatureModule {}
    await expect(boot(TasksModule.forRoot(), FeatureModule)).rejects.toThrow(
      'The number of TasksModule.forRoot() modules is 2. Allowed: one, in the root module',
    );
  });

  it.each([TasksService, TaskScheduler, TaskContext])(
    'imported without forRoot() says so to what injects %p',
    async (token) => {
      const consumer = { provide: 'consumer', inject: [token], useFactory: (value: unknown) => value };
      const module = Test.createTestingModule({ imports: [TasksModule], providers: [consumer] }).setLogger(
        new LogLines(),
      );
      await expect(
        module.compile().then((compiled) => compiled.resolve('consumer', ContextIdFactory.create())),
      ).rejects.toThrow(usageError('TASKS_MODULE_MISSING'));
    },
  );
});

describe.each(ADAPTERS)('TasksService on %s', (_name, adapter) => {
  it('is one object per request, wherever it is injected', async () => {
    const seen: TasksService[] = [];

    @Injectable({ scope: Scope.REQUEST })
    class SeesTasks {
      constructor(readonly tasks: TasksService) {}
    }
    @Injectable({ scope: Scope.REQUEST })
    class GuardWithTasks implements CanActivate {
      constructor(private readonly tasks: TasksService) {}
      canActivate(): boolean {
        seen.push(this.tasks);
        return true;
      }
    }
    @Controller()
    class ScopedController {
      private readonly order: string[] = [];
      constructor(
        private readonly tasks: TasksService,
        private readonly deep: SeesTasks,
      ) {}

      @Get()
      @UseGuards(GuardWithTasks)
      async get(@Tasks() tasks: TasksService) {
        seen.push(tasks, this.tasks, this.deep.tasks);
        // A request-scoped controller's own method: it runs on this request's instance.
        await this.tasks.schedule(this.note, 'noted').done;
        return this.order;
      }

      note(entry: string): void {
        this.order.push(entry);
      }
    }
    await using test = await startApp({ controllers: [ScopedController], providers: [SeesTasks] }, {}, adapter);
    expect((await send(test.url)).body).toBe('["noted"]');
    expect(new Set(seen).size).toBe(1);
    await send(test.url);
    expect(new Set(seen).size).toBe(2);
    expect(seen).toHaveLength(8);
  });

  it('runs decorated methods of request-scoped providers, with @Tasks() too', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedTasks {
      private readonly name = 'scoped';
      @Shielded()
      async run(): Promise<string> {
        return this.name;
      }
    }
    @Controller()
    class ScopedController {
      constructor(private readonly scoped: ScopedTasks) {}
      @Get()
      get(@Tasks() tasks: TasksService) {
        return tasks.schedule(this.scoped.run).result();
      }
    }
    await using test = await startApp({ controllers: [ScopedController], providers: [ScopedTasks] }, {}, adapter);
    expect((await send(test.url)).body).toBe('scoped');
  });

  it('works in middleware, and discards what a middleware scheduled before it answered itself', async () => {
    const order: string[] = [];
    @Injectable({ scope: Scope.REQUEST })
    class AnsweringMiddleware implements NestMiddleware {
      constructor(private readonly tasks: TasksService) {}
      use(_request: unknown, response: { end(body: string): void }): void {
        this.tasks.afterResponse.schedule(() => order.push('never'));
        this.tasks.schedule(() => order.push('immediate'));
        response.end('answered');
      }
    }
    @Controller()
    class NeverController {
      @Get()
      get() {}
    }
    @Module({ controllers: [NeverController] })
    class FeatureModule {
      configure(consumer: { apply(middleware: unknown): { forRoutes(path: string): void } }): void {
        consumer.apply(AnsweringMiddleware).forRoutes('{*path}');
      }
    }
    await using test = await startApp({ imports: [FeatureModule] }, {}, adapter);
    expect((await send(test.url)).body).toBe('answered');
    await test.scheduler.idle();
    expect(order).toEqual(['immediate']);
    expect(test.scheduler.counts.discarded).toBe(1);
  });

  it('does not make a controller request-scoped when it comes from @Tasks()', async () => {
    let made = 0;
    @Controller()
    class SingletonController {
      constructor() {
        made += 1;
      }
      @Get()
      get(@Tasks() tasks: TasksService) {
        tasks.schedule(() => {});
      }
    }
    await using test = await startApp({ controllers: [SingletonController] }, {}, adapter);
    await send(test.url);
    await send(test.url);
    expect(made).toBe(1);
  });

  it('gives an error that says to import the module where @Tasks() finds none', async () => {
    const errors: unknown[] = [];
    @Controller()
    class LonelyController {
      @Get()
      get(@Tasks() tasks: TasksService) {
        return tasks;
      }
    }
    const module = await Test.createTestingModule({ controllers: [LonelyController] })
      .setLogger(new LogLines())
      .compile();
    const app = module.createNestApplication(adapter());
    app.useGlobalFilters({
      catch: (error: unknown, host) => {
        errors.push(error);
        app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 500);
      },
    });
    await app.listen(0, '127.0.0.1');
    await send(await app.getUrl());
    expect(errors).toEqual([usageError('TASKS_MODULE_MISSING')]);
    expect(String(errors[0])).toMatch(
      /^TasksUsageError: @Tasks\(\) finds no tasks module\. Add TasksModule\.forRoot\(\)/,
    );
    await app.close();
  });
});

describe('TasksService outside of an HTTP request', () => {
  it.each([undefined, { tenant: 'a' }, { raw: {} }])('says to inject TaskScheduler: request %j', async (request) => {
    await using test = await startContext();
    const modules = test.context.get(ModuleRef);
    const contextId = ContextIdFactory.create();
    if (request !== undefined) modules.registerRequestByContextId(request, contextId);
    await expect(modules.resolve(TasksService, contextId)).rejects.toThrow(usageError('NO_REQUEST'));
  });

  it('is left alone where its transport is unknown', async () => {
    await using test = await startContext();
    const { TasksInterceptor } = await import('../lib/request/tasks.interceptor.js');
    const other = { getType: () => 'other' } as unknown as ExecutionContext;
    const result = {} as never;
    expect(test.context.get(TasksInterceptor).intercept(other, { handle: () => result })).toBe(result);
  });
});
