import { once } from 'node:events';
import type http from 'node:http';
import { setImmediate as macrotask, setTimeout as sleep } from 'node:timers/promises';
import {
  Controller,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Res,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  from,
  fromEvent,
  map,
  mergeMap,
  Observable,
  of,
  race,
  retry,
  switchMap,
  take,
  takeUntil,
  throwError,
  timer,
} from 'rxjs';
import { Durable, TaskQueue, Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, Gate, open, send, startApp, type WatchedApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

/** An interceptor in a line. */
const Intercept = (
  intercept: (handler: CallHandler, context: ExecutionContext) => Observable<unknown>,
): MethodDecorator =>
  UseInterceptors({ intercept: (context, next) => intercept(next, context) } satisfies NestInterceptor);

@Injectable()
class Work {
  constructor(private readonly journal: Journal) {}

  @Durable('calls.work')
  work(what: string): void {
    this.journal.write(`durable ${what}`);
  }
}

let calls: number;
let entered: Gate;
let left: Gate;

@Controller()
class CallsController {
  constructor(
    private readonly journal: Journal,
    private readonly work: Work,
  ) {}

  @Get('retried')
  @Intercept((next) => next.handle().pipe(retry(2)))
  retried(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    if (calls < 3) throw new Error('flaky');
  }

  @Get('caught-again')
  @Intercept((next) => next.handle().pipe(catchError((_error, caught) => caught)))
  async caughtAgain(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    if (calls < 2) await Promise.reject(new Error('flaky'));
  }

  @Get('retried-observable')
  @Intercept((next) => next.handle().pipe(retry(1)))
  retriedObservable(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    return calls < 2
      ? concat(
          of('part'),
          throwError(() => new Error('flaky')),
        )
      : of('whole');
  }

  @Get('retried-in-vain')
  @Intercept((next) => next.handle().pipe(retry(1)))
  retriedInVain(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    throw new Error('broken');
  }

  @Get('answered')
  @Intercept((next) => next.handle().pipe(catchError(() => of({ success: false }))))
  answered(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    throw new Error('declined');
  }

  /** The second call answers, and the first goes on. */
  @Get('hedged')
  @Intercept((next) => race(next.handle(), timer(1).pipe(switchMap(() => next.handle()))))
  async hedged(@Tasks() tasks: TasksService) {
    const call = ++calls;
    this.schedule(tasks, call);
    if (call > 1) return;
    await left.passed;
    throw new Error('too late to matter');
  }

  @Get('mapped')
  @Intercept((next) => next.handle().pipe(map(() => Promise.reject(new Error('no cache')))))
  mapped(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
  }

  @Get('mapped-well')
  @Intercept((next) => next.handle().pipe(map(async () => 'cached')))
  mappedWell(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
  }

  @Get('emptied')
  @Intercept((next) => next.handle().pipe(mergeMap(() => EMPTY)))
  emptied(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
  }

  @Get('left')
  @Intercept((next, context) => {
    const request = context.switchToHttp().getRequest<http.IncomingMessage & { raw?: http.IncomingMessage }>();
    return next.handle().pipe(takeUntil(fromEvent(request.raw ?? request, 'close')));
  })
  async left(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    entered.pass();
    await left.passed;
    this.journal.write('returned');
  }

  @Get('left-and-failed')
  @Intercept((next, context) => {
    const request = context.switchToHttp().getRequest<http.IncomingMessage & { raw?: http.IncomingMessage }>();
    return next.handle().pipe(takeUntil(fromEvent(request.raw ?? request, 'close')));
  })
  async leftAndFailed(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    entered.pass();
    await left.passed;
    this.journal.write('failed');
    throw new Error('to nobody');
  }

  @Get('never-called')
  @Intercept(() => of('cached'))
  neverCalled(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
  }

  @Get('late')
  @Intercept((next) => next.handle().pipe(retry(1)))
  async late(@Tasks() tasks: TasksService) {
    const call = ++calls;
    if (call === 1) {
      // Goes on when its call has failed, and another has begun.
      void left.passed.then(() => this.schedule(tasks, call));
      throw new Error('flaky');
    }
    this.schedule(tasks, call);
    left.pass();
    await sleep(0);
  }

  @Get('unserialisable')
  unserialisable(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    return { big: 10n };
  }

  @Get('status')
  @HttpCode(404)
  status(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
  }

  @Get('own-status')
  ownStatus(@Res({ passthrough: true }) response: { status(code: number): unknown }, @Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    response.status(503);
  }

  @Get('deferred')
  deferred(@Tasks() tasks: TasksService) {
    return defer(() => {
      this.schedule(tasks, ++calls);
      return of('whole');
    });
  }

  @Get('infinite')
  @Intercept((next) => next.handle().pipe(take(1)))
  infinite(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    return from(this.numbers());
  }

  /** An interceptor that answers from a cache, and lets the handler refresh it. */
  @Get('revalidated')
  @Intercept((next) => {
    next.handle().subscribe({ error: () => left.pass() });
    return of('cached');
  })
  async revalidated(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    await macrotask();
    return throwError(() => new Error('not refreshed'));
  }

  @Get('torn-down-badly')
  tornDownBadly(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    entered.pass();
    return new Observable(() => () => {
      throw new Error('of a teardown');
    });
  }

  @Get('chunks')
  async *chunks(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    yield 'first ';
    this.journal.write('read on');
    yield 'second';
  }

  @Get('no-chunks')
  async *noChunks(@Tasks() tasks: TasksService) {
    this.schedule(tasks, ++calls);
    if (calls > 0) throw new Error('before the first chunk');
    yield 'never';
  }

  private *numbers(): Generator<number> {
    for (let number = 0; ; number += 1) {
      if (number > 100) throw new Error('nobody has stopped it');
      yield number;
    }
  }

  private schedule(tasks: TasksService, call: number): void {
    const { write } = this.journal;
    tasks.afterRoute.schedule(write, `route ${call}`);
    tasks.afterRoute.task({ runOn: 'error' }).schedule(write, `route of failure ${call}`);
    tasks.afterResponse.schedule(write, `response ${call}`);
    tasks.afterResponse.task({ runOn: 'error' }).schedule(write, `response of failure ${call}`);
    tasks.afterResponse.enqueue(this.work.work)(`${call}`);
  }
}

@Controller('injected')
class InjectedController {
  constructor(
    private readonly tasks: TasksService,
    private readonly journal: Journal,
  ) {}

  @Get('retried')
  @Intercept((next) => next.handle().pipe(retry(1)))
  retried() {
    return defer(() => {
      this.tasks.afterResponse.schedule(this.journal.write, `mail ${++calls}`);
      return calls < 2 ? throwError(() => new Error('flaky')) : of('done');
    });
  }
}

@Controller('enqueue')
class EnqueueController {
  constructor(@Inject(Work) private readonly work: Work) {}

  @Get('retried')
  @Intercept((next) => next.handle().pipe(retry(2)))
  retried(@Tasks() tasks: TasksService) {
    tasks.afterRoute.enqueue(this.work.work)(`${++calls}`);
    if (calls < 3) throw new Error('flaky');
  }

  @Get('answered')
  @Intercept((next) => next.handle().pipe(catchError(() => of('an envelope'))))
  answered(@Tasks() tasks: TasksService) {
    tasks.afterRoute.enqueue(this.work.work)('of a failed call');
    throw new Error('declined');
  }
}

const successOf = (call: number): string[] => [`route ${call}`, `response ${call}`, `durable ${call}`];
const failureOf = (call: number): string[] => [`route of failure ${call}`, `response of failure ${call}`];

describe.each(ADAPTERS)('the calls of a handler on %s', (_name, adapter) => {
  let test: WatchedApp;
  let journal: Journal;

  beforeAll(async () => {
    test = await startApp(
      { controllers: [CallsController, InjectedController, EnqueueController], providers: [Journal, Work] },
      {},
      adapter,
    );
    journal = test.app.get(Journal);
  });
  afterAll(() => test.app.close());
  beforeEach(() => {
    calls = 0;
    entered = new Gate();
    left = new Gate();
  });

  async function settled(): Promise<string[]> {
    await test.tasks.idle();
    await test.app.get(TaskQueue).runUntilFinished();
    return journal.take();
  }

  it.each([
    ['is called again by retry()', 'retried', 200, [1, 2], 3],
    ['is called again by what catchError() caught', 'caught-again', 200, [1], 2],
    ['returns an Observable that is retried', 'retried-observable', 200, [1], 2],
    ['fails in each call', 'retried-in-vain', 500, [1, 2], undefined],
    ['fails, and an interceptor answers in its place', 'answered', 200, [1], undefined],
    ['succeeds, and a promise of an interceptor does not', 'mapped', 500, [1], undefined],
    ['succeeds, and so does a promise of an interceptor', 'mapped-well', 200, [], 1],
    ['succeeds, and an interceptor leaves nothing to answer with', 'emptied', 500, [1], undefined],
    ['is not called', 'never-called', 200, [], undefined],
    ['answers with an error by @HttpCode()', 'status', 404, [], 1],
    ['answers with an error of its own', 'own-status', 503, [], 1],
    ['schedules when its Observable is subscribed to', 'deferred', 200, [], 1],
    ['returns an Observable without an end, of which one value is taken', 'infinite', 200, [], 1],
  ] as const)('each decide on their own tasks: one that %s', async (_what, path, status, failed, succeeded) => {
    expect((await send(`${test.url}/${path}`)).status).toBe(status);
    const expected = [...failed.flatMap(failureOf), ...(succeeded === undefined ? [] : successOf(succeeded))];
    expect((await settled()).toSorted()).toEqual(expected.toSorted());
  });

  it('decide by their own end when an interceptor does not wait for it', async () => {
    expect((await send(`${test.url}/hedged`)).status).toBe(200);
    const early = await (async () => {
      await test.app.get(TaskQueue).runUntilFinished();
      return journal.take();
    })();
    expect(early.toSorted()).toEqual(expect.arrayContaining(['response 2', 'route 2']));
    expect(early.join()).not.toMatch(/ 1\b/);
    left.pass();
    expect((await settled()).filter((entry) => entry.endsWith('1')).toSorted()).toEqual(failureOf(1).toSorted());
  });

  it.each([
    ['left', ['returned', 'route 1', 'response 1', 'durable 1']],
    ['left-and-failed', ['failed', 'route of failure 1', 'response of failure 1']],
  ])('are awaited when an interceptor ends the stream with the client: %s', async (path, expected) => {
    const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const client = open(`${test.url}/${path}`);
    await entered.passed;
    client.destroy();
    await closed;
    expect(journal.entries).toEqual([]);
    left.pass();
    expect(await settled()).toEqual(expected);
  });

  it('decide by their own end when an interceptor has answered and listens on', async () => {
    expect((await send(`${test.url}/revalidated`)).body).toBe('cached');
    await left.passed;
    expect((await settled()).toSorted()).toEqual(failureOf(1).toSorted());
  });

  it('that a client leaves have their tasks though the teardown of their Observable throws', async () => {
    const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const client = open(`${test.url}/torn-down-badly`);
    await entered.passed;
    client.destroy();
    await closed;
    expect(await settled()).toEqual(successOf(1));
  });

  it('own what their Observables schedule with an injected service', async () => {
    expect((await send(`${test.url}/injected/retried`)).status).toBe(200);
    expect(await settled()).toEqual(['mail 2']);
  });

  it('keep what a failed call schedules late, when the next call is on its way', async () => {
    expect((await send(`${test.url}/late`)).status).toBe(200);
    expect((await settled()).toSorted()).toEqual([...failureOf(1), ...successOf(2)].toSorted());
  });

  it('let the after-response batch see a response that has turned into an error', async () => {
    expect((await send(`${test.url}/unserialisable`)).status).toBe(500);
    // What had to start before the first byte cannot be called back.
    expect(await settled()).toEqual(['route 1', 'response of failure 1']);
  });

  it('that are async generators start after-route tasks with the first chunk, and fail before it', async () => {
    expect((await send(`${test.url}/chunks`)).body).toBe('first second');
    expect((await settled()).slice(0, 3)).toEqual(['route 1', 'read on', 'response 1']);
    calls = 0;
    expect((await send(`${test.url}/no-chunks`)).status).toBe(500);
    expect(await settled()).toEqual(failureOf(1));
  });

  it('write to the queue for the call that succeeded', async () => {
    expect((await send(`${test.url}/enqueue/retried`)).status).toBe(200);
    expect(await settled()).toEqual(['durable 3']);
    expect((await send(`${test.url}/enqueue/answered`)).body).toBe('an envelope');
    expect(await settled()).toEqual([]);
  });
});
