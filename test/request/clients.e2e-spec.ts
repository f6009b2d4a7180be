import { once } from 'node:events';
import type http from 'node:http';
import { Readable } from 'node:stream';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Scope,
  Sse,
  StreamableFile,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type MessageEvent,
} from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { concat, NEVER, of, type Observable } from 'rxjs';
import { Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, Gate, open, startApp, type WatchedApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

/** What the test and the server tell each other; one per test. */
class Signals {
  readonly entered = new Gate();
  readonly left = new Gate();
}

function scheduleBatches(tasks: TasksService, { write }: Journal): void {
  tasks.afterRoute.schedule(write, 'route');
  tasks.afterResponse.schedule(write, 'response');
}

let signals: Signals;
let guardAllows: boolean;

@Injectable({ scope: Scope.REQUEST })
class SlowGuard implements CanActivate {
  constructor(
    private readonly tasks: TasksService,
    private readonly journal: Journal,
  ) {}

  async canActivate(): Promise<boolean> {
    scheduleBatches(this.tasks, this.journal);
    signals.entered.pass();
    await signals.left.passed;
    return guardAllows;
  }
}

@Controller()
class LeavingController {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get('before')
  async before(@Tasks() tasks: TasksService) {
    signals.entered.pass();
    await signals.left.passed;
    // Scheduled when the response has long been closed.
    scheduleBatches(tasks, this.journal);
    this.journal.write('returned');
    return 'to nobody';
  }

  @Get('before-scheduled')
  async beforeScheduled(@Tasks() tasks: TasksService) {
    scheduleBatches(tasks, this.journal);
    signals.entered.pass();
    await signals.left.passed;
    this.journal.write('returned');
    return 'to nobody';
  }

  @Get('throws')
  async throws(@Tasks() tasks: TasksService) {
    scheduleBatches(tasks, this.journal);
    signals.entered.pass();
    await signals.left.passed;
    throw new Error('to nobody');
  }

  @Get('stream')
  stream(@Tasks() tasks: TasksService) {
    scheduleBatches(tasks, this.journal);
    return new StreamableFile(concatStream());
  }

  @Get('observable')
  observable(@Tasks() tasks: TasksService) {
    scheduleBatches(tasks, this.journal);
    signals.entered.pass();
    return NEVER;
  }

  @Sse('sse')
  sse(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    scheduleBatches(tasks, this.journal);
    return concat(of({ data: 'first' }), NEVER);
  }

  @Sse('guarded-sse')
  @UseGuards(SlowGuard)
  guardedSse(): Observable<MessageEvent> {
    this.journal.write('handler');
    return of({ data: 'to nobody' });
  }

  @Sse('intercepted-sse')
  @UseGuards(SlowGuard)
  @UseInterceptors({ intercept: (_context: unknown, next: CallHandler) => next.handle() })
  interceptedSse(): Observable<MessageEvent> {
    return this.guardedSse();
  }

  @Get('guarded')
  @UseGuards(SlowGuard)
  guarded() {
    this.journal.write('handler');
  }
}

/** The first chunk comes at once, the second never. */
function concatStream(): Readable {
  const stream = new Readable({ read() {} });
  stream.push('first');
  return stream;
}

describe.each(ADAPTERS)('a client that leaves on %s', (_name, adapter) => {
  let test: WatchedApp;
  let journal: Journal;

  beforeAll(async () => {
    test = await startApp({ controllers: [LeavingController], providers: [Journal] }, {}, adapter);
    journal = test.app.get(Journal);
  });
  beforeEach(() => void (signals = new Signals()));
  afterAll(() => test.app.close());

  /** Leaves as soon as the server works on the request, and returns when the server has noticed. */
  async function leave(path: string, when: (client: http.ClientRequest) => Promise<unknown>): Promise<void> {
    const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const client = open(`${test.url}/${path}`);
    await when(client);
    client.destroy();
    await closed;
    signals.left.pass();
  }

  const entered = (): Promise<void> => signals.entered.passed;
  const firstByte = async (client: http.ClientRequest): Promise<void> => {
    const [response] = (await once(client, 'response')) as [http.IncomingMessage];
    response.on('error', () => {}); // of the client, which is the one to leave
    await once(response, 'data');
  };

  it.each([
    ['before the handler has scheduled', 'before', entered, ['returned', 'route', 'response']],
    ['before the handler has returned', 'before-scheduled', entered, ['returned', 'route', 'response']],
    ['in the middle of a stream', 'stream', firstByte, ['route', 'response']],
    ['in the middle of server-sent events', 'sse', firstByte, ['route', 'response']],
    ['while an Observable has not completed', 'observable', entered, ['route', 'response']],
  ])('%s gets both batches run, once', async (_what, path, when, expected) => {
    await leave(path, when);
    await test.tasks.idle();
    expect(journal.take()).toEqual(expected);
  });

  it('changes nothing about a handler that throws', async () => {
    test.tasks.forgetScheduled();
    await leave('throws', entered);
    await test.tasks.idle();
    expect(journal.take()).toEqual([]);
    test.tasks.expectDiscarded(journal.write, { args: ['route'] });
    test.tasks.expectDiscarded(journal.write, { args: ['response'] });
  });

  it('while a guard thinks gets both batches run when the guard allows', async () => {
    guardAllows = true;
    await leave('guarded', entered);
    await test.tasks.idle();
    expect(journal.take()).toEqual(['handler', 'route', 'response']);
  });

  it.each([
    ['calls the handler, and subscribes to nothing', 'guarded-sse', ['handler', 'route', 'response']],
    ['does not call the handler, where there are interceptors', 'intercepted-sse', []],
  ])('while the guard of server-sent events thinks leaves nothing behind: Nest %s', async (_what, path, expected) => {
    guardAllows = true;
    await leave(path, entered);
    await test.tasks.idle();
    expect(journal.take()).toEqual(expected);
  });

  it('while a guard thinks gets both batches discarded when the guard denies', async () => {
    guardAllows = false;
    test.tasks.forgetScheduled();
    await leave('guarded', entered);
    await test.tasks.idle();
    expect(journal.take()).toEqual([]);
    test.tasks.expectDiscarded(journal.write, { times: 2 });
  });
});
