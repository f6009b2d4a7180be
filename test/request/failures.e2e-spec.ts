import {
  Catch,
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Inject,
  Injectable,
  Param,
  ParseIntPipe,
  Scope,
  Sse,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type MessageEvent,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { concat, of, throwError, type Observable } from 'rxjs';
import { TaskDiscardedError, Tasks, TasksService, type Task, type TaskEvent } from 'nestjs-tasks';
import { ADAPTERS, send, startApp, type WatchedApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

/** One task of each timing and `runOn`. */
function scheduleAll(tasks: TasksService, { write }: Journal): Task[] {
  return [
    tasks.schedule(write, 'immediate'),
    ...[tasks.afterRoute, tasks.afterResponse].flatMap((batch, i) => [
      batch.schedule(write, ['route', 'response'][i] as string),
      batch.task({ runOn: 'error' }).schedule(write, ['route on error', 'response on error'][i] as string),
      batch.task({ runOn: 'always' }).schedule(write, ['route always', 'response always'][i] as string),
    ]),
  ];
}

@Injectable({ scope: Scope.REQUEST })
class DenyingGuard implements CanActivate {
  constructor(
    private readonly tasks: TasksService,
    private readonly journal: Journal,
  ) {}

  async canActivate(): Promise<boolean> {
    scheduleAll(this.tasks, this.journal);
    await Promise.resolve();
    return false;
  }
}

@Injectable()
class ThrowingInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler): Observable<unknown> {
    return concat(
      next.handle(),
      throwError(() => new Error('of an interceptor')),
    );
  }
}

@Catch(HttpException)
class AnswersAnyway implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(_error: HttpException, host: ArgumentsHost): void {
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), 'answered anyway', 200);
  }
}

@Catch(HttpException)
class SchedulesInFilter implements ExceptionFilter {
  static tasks: TasksService;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly journal: Journal,
  ) {}

  catch(_error: HttpException, host: ArgumentsHost): void {
    scheduleAll(SchedulesInFilter.tasks, this.journal);
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), 'filtered', 500);
  }
}

@Catch()
class ThrowingFilter implements ExceptionFilter {
  catch(): void {
    throw new Error('of a filter');
  }
}

@Controller()
class FailuresController {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get('success')
  success(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
  }

  @Get('throws')
  throws(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
    throw new ForbiddenException();
  }

  @Get('rejects')
  async rejects(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
    await Promise.reject(new Error('of a handler'));
  }

  @Get('observable')
  observable(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
    return concat(
      of(1, 2),
      throwError(() => new ForbiddenException()),
    );
  }

  @Get('interceptor')
  @UseInterceptors(ThrowingInterceptor)
  interceptor(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
  }

  @Get('filter')
  @UseFilters(AnswersAnyway)
  filter(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
    throw new ForbiddenException();
  }

  @Get('throwing-filter')
  @UseFilters(ThrowingFilter)
  throwingFilter(@Tasks() tasks: TasksService) {
    scheduleAll(tasks, this.journal);
    throw new ForbiddenException();
  }

  @Get('in-filter')
  @UseFilters(SchedulesInFilter)
  inFilter(@Tasks() tasks: TasksService) {
    SchedulesInFilter.tasks = tasks;
    throw new ForbiddenException();
  }

  @Sse('sse')
  sse(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    scheduleAll(tasks, this.journal);
    return concat(
      of({ data: 'a' }),
      throwError(() => new Error('of a stream')),
    );
  }

  @Sse('sse-at-once')
  sseAtOnce(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    scheduleAll(tasks, this.journal);
    return throwError(() => new Error('of a stream'));
  }

  @Get('guard')
  @UseGuards(DenyingGuard)
  guard() {
    this.journal.write('never');
  }
}

/** Constructor injection makes the service before the pipes run. */
@Controller('pipe')
class PipeController {
  constructor(
    private readonly tasks: TasksService,
    private readonly journal: Journal,
  ) {
    scheduleAll(this.tasks, this.journal);
  }

  @Get(':id')
  get(@Param('id', ParseIntPipe) _id: number) {
    this.journal.write('never');
  }
}

const SUCCESS = ['immediate', 'route', 'route always', 'finish', 'response', 'response always'];
const ERROR = ['immediate', 'route on error', 'route always', 'finish', 'response on error', 'response always'];

describe.each(ADAPTERS)('a route that fails on %s', (_name, adapter) => {
  let test: WatchedApp;
  let journal: Journal;
  let events: TaskEvent[];

  beforeAll(async () => {
    test = await startApp({ controllers: [FailuresController, PipeController], providers: [Journal] }, {}, adapter);
    journal = test.app.get(Journal);
    test.scheduler.events$.subscribe((event) => events.push(event));
  });
  beforeEach(() => void (events = []));
  afterAll(() => test.app.close());

  async function journalOf(path: string) {
    test.logs.lines.length = 0;
    test.tasks.forgetScheduled();
    const reply = await send(`${test.url}/${path}`);
    await test.tasks.idle();
    return { reply, entries: journal.take() };
  }

  it('is the exception: a route that succeeds discards what runs on error', async () => {
    const { entries } = await journalOf('success');
    expect(entries).toEqual(SUCCESS.filter((entry) => entry !== 'finish'));
  });

  it.each([
    ['whose handler throws', 'throws', 403],
    ['whose handler rejects', 'rejects', 500],
    ['whose Observable errors', 'observable', 403],
    ['whose interceptor throws', 'interceptor', 500],
    ['whose filter answers 200', 'filter', 200],
    ['whose pipe throws', 'pipe/x', 400],
    ['whose guard denies', 'guard', 403],
    ['whose events fail before the first', 'sse-at-once', undefined],
  ])('%s discards both batches but for what runs on error', async (_what, path, status) => {
    const { reply, entries } = await journalOf(path);
    expect(entries).toEqual(ERROR.filter((entry) => entry !== 'finish'));
    if (status !== undefined) expect(reply.status).toBe(status);
    test.tasks.expectDiscarded(journal.write, { timing: 'afterRoute', args: ['route'], times: 1 });
    test.tasks.expectDiscarded(journal.write, { timing: 'afterResponse', args: ['response'], times: 1 });
    expect(events.filter(({ type }) => type === 'discarded').map(({ reason, status: to }) => [reason, to])).toEqual([
      ['route failed', 'discarded'],
      ['route failed', 'discarded'],
    ]);
    const lines = test.logs.matching('was discarded');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^debug Task anonymous#\d+ was discarded: route failed Tasks$/);
  });

  it('counts what it discards', async () => {
    const before = test.scheduler.counts.discarded;
    await journalOf('throws');
    expect(test.scheduler.counts.discarded - before).toBe(2);
  });

  it('whose filter throws has discarded both batches all the same', async () => {
    const { reply, entries } = await journalOf('throwing-filter').catch(() => ({
      reply: { status: 500 },
      entries: journal.take(),
    }));
    expect(reply.status).toBe(500);
    expect(entries).not.toContain('route');
    expect(entries).not.toContain('response');
    expect(entries).toContain('response on error');
  });

  it('treats what its filter schedules as what its handler would have', async () => {
    const { entries } = await journalOf('in-filter');
    expect(entries).toEqual(
      ['route on error', 'route always', 'immediate', 'response on error', 'response always'].toSorted(byStart),
    );
  });

  it('keeps after-route tasks that started with the first event, and discards after-response ones', async () => {
    const { entries } = await journalOf('sse');
    expect(entries).toEqual(['immediate', 'route', 'route always', 'response on error', 'response always']);
  });

  it('settles what is waited on with TaskDiscardedError', async () => {
    const [, discarded] = await new Promise<Task[]>((resolve) => {
      const scheduled: Task[] = [];
      const subscription = test.scheduler.events$.subscribe(({ type, task }) => {
        if (type === 'scheduled') scheduled.push(task);
        if (scheduled.length === 7) {
          subscription.unsubscribe();
          resolve(scheduled);
        }
      });
      void send(`${test.url}/throws`);
    });
    const error = expect.any(TaskDiscardedError);
    await expect(discarded?.started).rejects.toEqual(error);
    await expect(discarded?.done).resolves.toEqual({ status: 'discarded', error });
    await expect(discarded?.result()).rejects.toEqual(error);
    await test.tasks.idle();
    journal.take();
  });
});

const STARTS = ['immediate', 'route on error', 'route always', 'response on error', 'response always'];
function byStart(a: string, b: string): number {
  return STARTS.indexOf(a) - STARTS.indexOf(b);
}
