import {
  Controller,
  createParamDecorator,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  Req,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ContextIdFactory, LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Durable, Tasks, TasksService, type TasksUsageError } from 'nestjs-tasks';
import { TasksInterceptor } from '../../lib/request/tasks.interceptor.js';
import { ADAPTERS, send, startApp, type WatchedApp } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { usageError } from '../support/usage-error.js';

type AnyRequest = object & { raw?: object };

@Injectable()
class Work {
  @Durable('binding.work')
  work(): void {}
}

/** Of a request-scoped class, outside of Nest's own way to a request-scoped route. */
async function resolveFor(modules: ModuleRef, request: AnyRequest): Promise<TasksService> {
  const contextId = ContextIdFactory.create();
  modules.registerRequestByContextId(request, contextId);
  return modules.resolve(TasksService, contextId, { strict: false });
}

@Injectable()
class ResolvingGuard implements CanActivate {
  constructor(
    private readonly modules: ModuleRef,
    private readonly journal: Journal,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const tasks = await resolveFor(this.modules, context.switchToHttp().getRequest());
    tasks.afterRoute.schedule(this.journal.write, 'guard: route');
    tasks.afterResponse.schedule(this.journal.write, 'guard: response');
    return true;
  }
}

const Composed = createParamDecorator((_data: unknown, context: ExecutionContext) => context.getClass().name);

@Controller()
class PlainController {
  constructor(
    private readonly modules: ModuleRef,
    private readonly journal: Journal,
    private readonly durable: Work,
  ) {}

  @Get('plain/:id')
  plain(@Param('id') id: string, @Composed() composed: string): string {
    return `${id} ${composed}`;
  }

  @Get('resolved/:end')
  async resolved(@Req() request: AnyRequest, @Param('end') end: string) {
    const tasks = await resolveFor(this.modules, request);
    tasks.afterRoute.schedule(this.journal.write, 'route');
    tasks.afterResponse.schedule(this.journal.write, 'response');
    tasks.afterResponse.task({ runOn: 'error' }).schedule(this.journal.write, 'response of failure');
    if (end === 'badly') throw new ForbiddenException();
  }

  @Get('enqueued')
  async enqueued(@Req() request: AnyRequest) {
    const tasks = await resolveFor(this.modules, request);
    try {
      tasks.afterRoute.enqueue(this.durable.work)();
      return 'accepted';
    } catch (error) {
      const { code, message } = error as TasksUsageError;
      return `${code} ${message}`;
    }
  }

  @Get('guarded')
  @UseGuards(ResolvingGuard)
  guarded(): void {}

  @Get('taken')
  @UseGuards(ResolvingGuard)
  async taken(@Req() request: AnyRequest, @Tasks() tasks: TasksService) {
    if ((await resolveFor(this.modules, request)) !== tasks) throw new Error('two services for one request');
    tasks.afterRoute.schedule(this.journal.write, 'route');
    tasks.afterResponse.schedule(this.journal.write, 'response');
  }
}

@Controller('lazy')
class LazyController {
  static work: (request: AnyRequest) => Promise<TasksService>;

  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get()
  async lazy(@Req() request: AnyRequest) {
    const tasks = await LazyController.work(request);
    tasks.afterRoute.schedule(this.journal.write, 'lazy: route');
    tasks.afterResponse.schedule(this.journal.write, 'lazy: response');
  }
}

@Injectable({ scope: Scope.REQUEST })
class Scoped {
  constructor(readonly tasks: TasksService) {}
}

@Controller('scoped')
class ScopedController {
  constructor(
    private readonly scoped: Scoped,
    @Inject(Journal) private readonly journal: Journal,
  ) {}

  @Get()
  schedule(): void {
    this.scoped.tasks.afterRoute.schedule(this.journal.write, 'scoped: route');
  }
}

const entered = jest.spyOn(TasksInterceptor.prototype, 'enter');

/** Names of the handlers that our interceptor has seen since the last look. */
function seen(): string[] {
  return entered.mock.calls.splice(0).map(([context]) => context.getHandler().name);
}

describe.each(ADAPTERS)('the interceptor on %s', (_name, adapter) => {
  let test: WatchedApp;
  let journal: Journal;

  beforeAll(async () => {
    test = await startApp(
      { controllers: [PlainController, ScopedController, LazyController], providers: [Journal, Work, Scoped] },
      {},
      adapter,
    );
    journal = test.app.get(Journal);
  });
  afterAll(() => test.app.close());
  beforeEach(() => void seen());

  const settled = async (): Promise<string[]> => {
    await test.tasks.idle();
    return journal.take();
  };

  it('is bound to handlers with @Tasks(), and to those that Nest makes for each request', async () => {
    for (const path of ['plain/7', 'resolved/well', 'guarded', 'taken', 'scoped']) await send(`${test.url}/${path}`);
    expect(seen()).toEqual(['taken', 'schedule']);
    expect(await settled()).toContain('scoped: route');
    expect((await send(`${test.url}/plain/7`)).body).toBe('7 PlainController');
  });

  it('is not needed by a service that a handler resolves: the status of its response decides', async () => {
    expect((await send(`${test.url}/resolved/well`)).status).toBe(200);
    expect(await settled()).toEqual(['route', 'response']);
    expect((await send(`${test.url}/resolved/badly`)).status).toBe(403);
    expect(await settled()).toEqual(['response of failure']);
  });

  it('is needed to hold the response: the error names @Tasks()', async () => {
    expect((await send(`${test.url}/enqueued`)).body).toMatch(
      /^NO_ROUTE afterRoute\.enqueue\(\) is not available in a handler without @Tasks\(\): .* Add the parameter @Tasks\(\)/,
    );
    expect(await settled()).toEqual([]);
  });

  it('is joined by what a guard resolves, where it is bound and where not', async () => {
    await send(`${test.url}/guarded`);
    expect(await settled()).toEqual(['guard: route', 'guard: response']);
    await send(`${test.url}/taken`);
    expect(await settled()).toEqual(['guard: route', 'route', 'guard: response', 'response']);
  });

  it.each([
    ['a job of cron', { method: 'GET', headers: { 'x-tenant': 'a' } }],
    ['a copy of a request', { ...new Request('http://x'), method: 'GET', headers: {}, url: '/' }],
    ['the context of a CQRS handler', { id: '1', attach: () => {} }],
  ])('has no request in %s', async (_what, request) => {
    await expect(resolveFor(test.app.get(ModuleRef), request)).rejects.toThrow(usageError('NO_REQUEST'));
    await test.tasks.idle();
  });

  it('does without what a lazily loaded module provides', async () => {
    @Injectable()
    class LazyWork {
      constructor(private readonly modules: ModuleRef) {}

      resolve(request: AnyRequest): Promise<TasksService> {
        return resolveFor(this.modules, request);
      }
    }
    @Module({ providers: [LazyWork] })
    class LazyModule {}
    LazyController.work = async (request) => {
      const lazy = await test.app.get(LazyModuleLoader).load(() => LazyModule);
      return lazy.get(LazyWork).resolve(request);
    };
    await send(`${test.url}/lazy`);
    expect(await settled()).toEqual(['lazy: route', 'lazy: response']);
  });
});
