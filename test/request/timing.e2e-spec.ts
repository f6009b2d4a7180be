import http from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as macrotask } from 'node:timers/promises';
import {
  Controller,
  Get,
  Head,
  Header,
  HttpCode,
  HttpException,
  Inject,
  Post,
  Redirect,
  Res,
  Sse,
  StreamableFile,
  type MessageEvent,
} from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { from, Observable, of } from 'rxjs';
import request from 'supertest';
import { Tasks, TasksModule, TasksService } from 'nestjs-tasks';
import { TestTasks } from 'nestjs-tasks/testing';
import { Test } from '@nestjs/testing';
import { ADAPTERS, Gate, send, startApp } from '../support/app.js';
import { LogLines } from '../support/log-lines.js';
import { Journal } from '../support/journal.js';

/** Schedules in the reverse of the order in which the tasks must start. */
function scheduleAll(tasks: TasksService, journal: Journal): void {
  tasks.afterResponse.schedule(journal.write, 'response 1');
  tasks.afterResponse.schedule(journal.write, 'response 2');
  tasks.afterRoute.schedule(journal.write, 'route 1');
  tasks.afterRoute.schedule(journal.write, 'route 2');
  tasks.schedule(journal.write, 'immediate 1');
  tasks.schedule(journal.write, 'immediate 2');
}

interface RawReply {
  raw?: http.ServerResponse;
}

@Controller()
class RepliesController {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Get('value')
  value(@Tasks() tasks: TasksService) {
    this.handle(tasks);
    return { value: 1 };
  }

  @Get('nothing')
  nothing(@Tasks() tasks: TasksService) {
    this.handle(tasks);
  }

  @Get('promise')
  async promise(@Tasks() tasks: TasksService) {
    this.handle(tasks);
    await macrotask();
    this.journal.write('awaited');
    return 'promise';
  }

  @Get('observable')
  observable(@Tasks() tasks: TasksService) {
    this.handle(tasks);
    return of(1, 2, 3);
  }

  @Get('slow-observable')
  slowObservable(@Tasks() tasks: TasksService) {
    this.handle(tasks);
    return from(this.twoTurns());
  }

  @Get('stream')
  stream(@Tasks() tasks: TasksService) {
    this.handle(tasks);
    return new StreamableFile(Readable.from(this.chunks()));
  }

  @Sse('sse')
  sse(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    this.handle(tasks);
    return from(this.events());
  }

  @Get('res')
  res(@Res() response: http.ServerResponse & RawReply, @Tasks() tasks: TasksService) {
    this.handle(tasks);
    (response.raw ?? response).end('manual');
  }

  @Get('res-async')
  async resAsync(@Res() response: http.ServerResponse & RawReply, @Tasks() tasks: TasksService) {
    this.handle(tasks);
    const raw = response.raw ?? response;
    const closed = new Promise((resolve) => raw.once('close', resolve));
    raw.end('manual');
    await closed;
    this.journal.write('returned');
  }

  @Get('res-late')
  resLate(@Res() response: http.ServerResponse & RawReply, @Tasks() tasks: TasksService) {
    this.handle(tasks);
    setImmediate(() => (response.raw ?? response).end('manual'));
  }

  @Get('passthrough')
  passthrough(
    @Res({ passthrough: true }) response: { header(name: string, value: string): void },
    @Tasks() tasks: TasksService,
  ) {
    this.handle(tasks);
    response.header('x-passthrough', 'yes');
    return 'passthrough';
  }

  @Get('redirect')
  @Redirect('/value', 302)
  redirect(@Tasks() tasks: TasksService) {
    this.handle(tasks);
  }

  @Head('head')
  @Header('x-head', 'yes')
  head(@Tasks() tasks: TasksService) {
    this.handle(tasks);
  }

  @Post('no-content')
  @HttpCode(204)
  noContent(@Tasks() tasks: TasksService) {
    this.handle(tasks);
  }

  @Get('returned-500')
  @HttpCode(500)
  returned500(@Tasks() tasks: TasksService) {
    this.handle(tasks);
    return { error: 'returned, not thrown' };
  }

  @Get('many')
  many(@Tasks() tasks: TasksService) {
    for (let i = 0; i < 2_000; i++) {
      const batch = [tasks.afterResponse, tasks.afterRoute, tasks][i % 3] as TasksService;
      batch.schedule(this.journal.write, ['response', 'route', 'immediate'][i % 3] as string);
    }
    return 'many';
  }

  private handle(tasks: TasksService): void {
    this.journal.write('handler');
    scheduleAll(tasks, this.journal);
  }

  private async *chunks() {
    this.journal.write('chunk 1');
    yield 'a';
    await macrotask();
    this.journal.write('chunk 2');
    yield 'b';
  }

  private async *events(): AsyncGenerator<MessageEvent> {
    await macrotask();
    this.journal.write('event 1');
    yield { data: 'a' };
    await macrotask();
    this.journal.write('event 2');
    yield { data: 'b' };
  }

  private async *twoTurns() {
    yield 1;
    await macrotask();
    this.journal.write('last value');
    yield 2;
  }
}

const IMMEDIATE = ['immediate 1', 'immediate 2'];
const ROUTE = ['route 1', 'route 2'];
const RESPONSE = ['response 1', 'response 2'];
const USUAL = ['handler', ...IMMEDIATE, ...ROUTE, 'finish', ...RESPONSE];

describe.each(ADAPTERS)('timing on %s', (_name, adapter) => {
  let journal: Journal;
  let tasks: TestTasks;
  let url: string;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [TasksModule.forRoot()],
      controllers: [RepliesController],
      providers: [Journal],
    })
      .setLogger(new LogLines())
      .compile();
    const app = module.createNestApplication(adapter());
    journal = app.get(Journal);
    journal.watchResponses(app);
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    tasks = TestTasks.of(app);
    close = () => app.close();
  });
  afterAll(() => close());

  async function journalOf(path: string, options: http.RequestOptions = {}) {
    const reply = await send(`${url}/${path}`, options);
    await tasks.idle();
    return { reply, entries: journal.take() };
  }

  it.each([
    ['a plain value', 'value', {}, 200, '{"value":1}', USUAL],
    ['nothing', 'nothing', {}, 200, '', USUAL],
    ['an Observable', 'observable', {}, 200, '3', USUAL],
    ['@Res({ passthrough: true })', 'passthrough', {}, 200, 'passthrough', USUAL],
    ['a redirect', 'redirect', {}, 302, undefined, USUAL],
    ['HEAD', 'head', { method: 'HEAD' }, 200, '', USUAL],
    ['HEAD of a GET route', 'value', { method: 'HEAD' }, 200, '', USUAL],
    ['204', 'no-content', { method: 'POST' }, 204, '', USUAL],
    ['a returned 500 body, which is a success', 'returned-500', {}, 500, undefined, USUAL],
    ['a promise', 'promise', {}, 200, 'promise', ['handler', ...IMMEDIATE, 'awaited', ...ROUTE, 'finish', ...RESPONSE]],
    [
      'an Observable over time, of which the last value is sent',
      'slow-observable',
      {},
      200,
      '2',
      ['handler', ...IMMEDIATE, 'last value', ...ROUTE, 'finish', ...RESPONSE],
    ],
    [
      'a stream',
      'stream',
      {},
      200,
      'ab',
      ['handler', ...IMMEDIATE, ...ROUTE, 'chunk 1', 'chunk 2', 'finish', ...RESPONSE],
    ],
    [
      'server-sent events',
      'sse',
      {},
      200,
      undefined,
      ['handler', ...IMMEDIATE, 'event 1', ...ROUTE, 'event 2', 'finish', ...RESPONSE],
    ],
    [
      '@Res() whose reply ends after the handler',
      'res-late',
      {},
      200,
      'manual',
      ['handler', ...IMMEDIATE, ...ROUTE, 'finish', ...RESPONSE],
    ],
    [
      '@Res() whose reply ends before the handler',
      'res-async',
      {},
      200,
      'manual',
      ['handler', ...IMMEDIATE, 'finish', 'returned', ...ROUTE, ...RESPONSE],
    ],
  ] as const)('starts tasks in order with %s', async (_what, path, options, status, body, expected) => {
    const { reply, entries } = await journalOf(path, options);
    expect(entries).toEqual(expected);
    expect(reply.status).toBe(status);
    if (body !== undefined) expect(reply.body).toBe(body);
  });

  it('starts both batches of a synchronous @Res() reply', async () => {
    const { reply, entries } = await journalOf('res');
    expect(reply.body).toBe('manual');
    const starts = entries.filter((entry) => entry !== 'finish');
    expect(starts).toEqual(['handler', ...IMMEDIATE, ...ROUTE, ...RESPONSE]);
    expect(entries.indexOf('finish')).toBeLessThan(entries.indexOf('response 1'));
  });

  it('keeps the tasks of several responses on one connection apart', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const entries: string[] = [];
    for (const path of ['value', 'stream', 'value']) {
      await send(`${url}/${path}`, { agent });
      await tasks.idle();
      entries.push(...journal.take().filter((entry) => entry.startsWith('response')));
    }
    agent.destroy();
    expect(entries).toEqual([...RESPONSE, ...RESPONSE, ...RESPONSE]);
  });

  it('runs 2,000 tasks of one request, each once, in order', async () => {
    const { entries } = await journalOf('many');
    const order = entries.filter((entry) => entry !== 'finish');
    expect(order).toHaveLength(2_000);
    expect(order).toEqual(order.toSorted((a, b) => rank(a) - rank(b)));
    expect(entries.indexOf('finish')).toBe(entries.indexOf('response') - 1);
  });

  it('serves a client that asks through supertest', async () => {
    await request(url).get('/value').expect(200, { value: 1 });
    await tasks.idle();
    expect(journal.take()).toEqual(USUAL);
  });
});

function rank(entry: string): number {
  return ['immediate', 'route', 'response'].indexOf(entry);
}

describe.each(ADAPTERS)('the response on %s', (_name, adapter) => {
  it('does not wait for tasks of any timing', async () => {
    const gate = new Gate();
    const ended: string[] = [];
    const wait = async (name: string) => {
      await gate.passed;
      ended.push(name);
    };

    @Controller()
    class SlowTasksController {
      @Get()
      get(@Tasks() tasks: TasksService) {
        tasks.schedule(wait, 'immediate');
        tasks.afterRoute.schedule(wait, 'route');
        tasks.afterResponse.schedule(wait, 'response');
        return 'sent';
      }
    }
    await using test = await startApp({ controllers: [SlowTasksController] }, {}, adapter);

    expect((await send(test.url)).body).toBe('sent');
    expect(ended).toEqual([]);
    gate.pass();
    await test.tasks.idle();
    expect(ended).toEqual(['immediate', 'route', 'response']);
  });

  it('is not affected by tasks that fail', async () => {
    const fail = () => {
      throw new HttpException('of a task', 418);
    };

    @Controller()
    class FailingTasksController {
      @Get()
      get(@Tasks() tasks: TasksService) {
        tasks.schedule(fail);
        tasks.afterRoute.schedule(fail);
        tasks.afterResponse.schedule(fail);
        return 'sent';
      }
    }
    await using test = await startApp({ controllers: [FailingTasksController] }, {}, adapter);

    expect(await send(test.url)).toMatchObject({ status: 200, body: 'sent' });
    await test.tasks.idle();
    expect(test.tasks.scheduled.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed']);
    expect(test.scheduler.counts.failed).toBe(3);
  });
});
