import { setImmediate as macrotask } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  ConflictException,
  Controller,
  Get,
  Injectable,
  Res,
  Sse,
  type INestApplication,
  type MessageEvent,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { of, type Observable } from 'rxjs';
import request from 'supertest';
import { currentTask, Durable, Shielded, Tasks, TaskScheduler, TasksModule, TasksService } from 'nestjs-tasks';
import { TestQueue, TestTasks, type TestTasksOptions } from 'nestjs-tasks/testing';
import { ADAPTERS, Gate, open, type AdapterFactory } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { until } from '../support/until.js';

/** What the test holds: its tasks, or its response. */
let gate: Gate;

@Injectable()
class Mails {
  private readonly server = 'smtp';

  constructor(private readonly journal: Journal) {}

  @Shielded()
  async send(to: string): Promise<string> {
    this.journal.write(`begin ${to}`);
    await macrotask();
    this.journal.write(`sent ${to} by ${this.server}`);
    return to;
  }

  @Durable('mails.remind')
  remind(to: string): void {
    this.journal.write(`reminded ${to}`);
  }
}
const { send } = Mails.prototype;

@Controller()
class MailsController {
  constructor(
    private readonly mails: Mails,
    private readonly journal: Journal,
    private readonly scheduler: TaskScheduler,
  ) {}

  @Get()
  get(@Tasks() tasks: TasksService): string {
    this.scheduleAll(tasks);
    this.journal.write('returned');
    return 'answer';
  }

  @Get('throws')
  throws(@Tasks() tasks: TasksService): void {
    this.scheduleAll(tasks);
    tasks.afterResponse.task({ runOn: 'error' }).schedule(this.mails.send, 'on error');
    throw new ConflictException();
  }

  @Get('nested')
  nested(@Tasks() tasks: TasksService): string {
    tasks.afterResponse.schedule(async () => {
      await macrotask();
      tasks.afterRoute.schedule(async () => {
        await macrotask();
        tasks.schedule(this.mails.send, 'nested');
      });
    });
    return 'answer';
  }

  @Get('open')
  open(@Tasks() tasks: TasksService, @Res() response: ServerResponse & { raw?: ServerResponse }): void {
    tasks.schedule(this.mails.send, 'immediate');
    tasks.afterResponse.schedule(this.mails.send, 'response');
    const raw = response.raw ?? response;
    raw.write('the first half');
    void gate.passed.then(() => raw.end('the second'));
  }

  @Get('held')
  held(@Tasks() tasks: TasksService): string {
    tasks.afterResponse.task({ name: 'endless' }).schedule(() => gate.passed);
    return 'answer';
  }

  @Get('later')
  later(@Tasks() tasks: TasksService): string {
    tasks.afterResponse.task({ name: 'later' }).schedule(() => new Promise((resolve) => setTimeout(resolve, 60_000)));
    return 'answer';
  }

  @Get('slow')
  async slow(@Tasks() tasks: TasksService): Promise<void> {
    tasks.task({ name: 'poll' }).schedule(async () => {
      await gate.passed;
      currentTask().signal.throwIfAborted();
    });
    tasks.afterResponse.schedule(this.mails.send, 'slow');
    await gate.passed;
  }

  @Get('enqueue')
  async enqueue(@Tasks() tasks: TasksService): Promise<string> {
    await tasks.enqueue(this.mails.remind)('now');
    void tasks.afterRoute.enqueue(this.mails.remind)('route');
    void tasks.afterResponse.enqueue(this.mails.remind)('response');
    return 'answer';
  }

  @Get('nothing')
  nothing(): string {
    return 'answer';
  }

  @Sse('sse')
  sse(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    tasks.afterResponse.schedule(this.mails.send, 'sse');
    return of({ data: 'first' }, { data: 'second' });
  }

  @Get('outside')
  outside(): string {
    this.scheduler.task({ name: 'outside' }).schedule(async () => {
      this.journal.write('begin outside');
      await gate.passed;
    });
    this.journal.write('returned');
    return 'answer';
  }

  private scheduleAll(tasks: TasksService): void {
    tasks.afterResponse.task({ name: 'mail_7' }).schedule(this.mails.send, 'response');
    tasks.afterRoute.schedule(this.mails.send, 'route');
    tasks.schedule(this.mails.send, 'immediate');
  }
}

@Resolver()
class MailsResolver {
  constructor(private readonly mails: Mails) {}

  @Query(() => String)
  ready(): string {
    return 'yes';
  }

  @Mutation(() => String)
  one(@Tasks() tasks: TasksService): string {
    return this.schedule('one', tasks);
  }

  @Mutation(() => String)
  two(@Tasks() tasks: TasksService): string {
    return this.schedule('two', tasks);
  }

  private schedule(name: string, tasks: TasksService): string {
    tasks.afterResponse.schedule(this.mails.send, `${name} response`);
    tasks.afterRoute.schedule(this.mails.send, `${name} route`);
    return name;
  }
}

const metadata: ModuleMetadata = {
  imports: [TasksModule.forRoot()],
  controllers: [MailsController],
  providers: [Journal, Mails],
};

let app: INestApplication | undefined;
let journal: Journal;
let logs: LogLines;
let queue: TestQueue;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function listen(made: INestApplication): Promise<void> {
  app = made;
  journal = app.get(Journal);
  journal.watchResponses(app);
  gate = new Gate();
  await app.listen(0, '127.0.0.1');
}

async function start(
  adapter: AdapterFactory,
  options: TestTasksOptions = {},
  more: ModuleMetadata = {},
): Promise<TestTasks> {
  logs = new LogLines();
  const builder = Test.createTestingModule({
    ...metadata,
    imports: [...(metadata.imports ?? []), ...(more.imports ?? [])],
    providers: [...(metadata.providers ?? []), ...(more.providers ?? [])],
  }).setLogger(logs);
  const tasks = TestTasks.install(builder, options);
  queue = TestQueue.install(builder);
  await listen((await builder.compile()).createNestApplication(adapter()));
  return tasks;
}

const get = (path: string): request.Test => request(app!.getHttpServer()).get(path);

describe.each(ADAPTERS)('TestTasks on %s', (_name, adapter) => {
  it('waits for a batch whose response has not ended', async () => {
    const tasks = await start(adapter);
    const response = get('/open')
      .expect(200, 'the first halfthe second')
      .then(() => {});
    await until(() => tasks.scheduled.length === 2, 'the handler');
    let isIdle = false;
    const idle = tasks.idle().then(() => (isIdle = true));
    await tasks.expectScheduled(send, { args: ['immediate'] }).done;
    await macrotask();
    expect(isIdle).toBe(false);
    gate.pass();
    await Promise.all([idle, response]);
    expect(journal.take()).toEqual([
      'begin immediate',
      'sent immediate by smtp',
      'finish',
      'begin response',
      'sent response by smtp',
    ]);
  });

  it('names what an open response holds', async () => {
    const tasks = await start(adapter, { patience: 40 });
    const response = get('/open').then(() => {});
    await until(() => tasks.scheduled.length === 2, 'the handler');
    await expect(tasks.idle()).rejects.toThrow(/1\. send#\d+ \(afterResponse\) is held until its response has ended/);
    await expect(tasks.run(tasks.expectScheduled(send, { timing: 'afterResponse' }))).rejects.toThrow(/mode/);
    gate.pass();
    await response;
    await tasks.idle();
  });

  it('watches an application that was made without a builder', async () => {
    class Root {}
    await listen(await NestFactory.create({ module: Root, ...metadata }, adapter(), { logger: false }));
    const tasks = TestTasks.of(app!);
    await get('/').expect(200, 'answer');
    tasks.expectScheduled(send, { name: 'mail_7', timing: 'afterResponse', args: ['response'], shielded: true });
    await tasks.idle();
    expect(journal.take()).toContain('sent response by smtp');
  });

  it('waits in real time, while the timers of the application are fake', async () => {
    const tasks = await start(adapter);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    try {
      await get('/later').expect(200, 'answer');
      await tasks.expectScheduled('later').started;
      await jest.advanceTimersByTimeAsync(60_000);
      await tasks.idle();
      expect(tasks.expectScheduled('later').status).toBe('succeeded');
    } finally {
      jest.useRealTimers();
    }
  });

  describe("in mode 'record'", () => {
    it('captures tasks of every timing, before the response has ended', async () => {
      const tasks = await start(adapter, { mode: 'record' });
      await get('/').expect(200, 'answer');
      tasks.expectScheduled(send, { times: 3, shielded: true });
      for (const timing of ['immediate', 'afterRoute', 'afterResponse'] as const) {
        expect(tasks.expectScheduled(send, { timing, times: 1 }).status).toBe('scheduled');
      }
      await tasks.idle();
      expect(journal.take()).toEqual(['returned', 'finish']);
    });

    it('runs what it has captured, when its response has ended', async () => {
      const tasks = await start(adapter, { mode: 'record' });
      const response = get('/open').then(() => {});
      await until(() => tasks.scheduled.length === 2, 'the handler');
      const sent = tasks.run(tasks.expectScheduled(send, { args: ['response'] }));
      await macrotask();
      expect(journal.take()).toEqual([]);
      gate.pass();
      expect(await sent).toBe('response');
      expect(journal.take()).toEqual(['finish', 'begin response', 'sent response by smtp']);
      await response;
    });

    it('does not wait for ever for a response that does not end', async () => {
      const tasks = await start(adapter, { mode: 'record', patience: 30 });
      const response = get('/open').then(() => {});
      await until(() => tasks.scheduled.length === 2, 'the handler');
      const held = tasks.expectScheduled(send, { args: ['response'] });
      await expect(tasks.run(held)).rejects.toThrow(
        /could not start within \d+ ms:\n {2}1\. send#\d+ \(afterResponse\) is held/,
      );
      gate.pass();
      await response;
    });

    it('discards the batches of a handler that throws', async () => {
      const tasks = await start(adapter, { mode: 'record' });
      await get('/throws').expect(409);
      tasks.expectScheduled(send, { timing: 'immediate' });
      tasks.expectScheduled(send, { args: ['on error'] });
      tasks.expectNotScheduled(send, { args: ['route'] });
      tasks.expectNotScheduled('mail_7');
      tasks.expectDiscarded(send, { times: 2 });
      const mail = tasks.expectDiscarded('mail_7', { timing: 'afterResponse' });
      await expect(mail.result()).rejects.toMatchObject({ code: 'TASK_DISCARDED', reason: 'route failed' });
      expect(() => tasks.expectNothingScheduled()).toThrow(
        "send('response'), name 'mail_7', afterResponse, shielded: discarded, route failed",
      );
    });
  });

  describe("in mode 'inline'", () => {
    it('answers when all tasks of the request have ended, which start in the order of their timings', async () => {
      const tasks = await start(adapter, { mode: 'inline' });
      await get('/').expect(200, 'answer');
      const entries = journal.take();
      expect(entries.slice(0, 4)).toEqual(['begin immediate', 'returned', 'begin route', 'begin response']);
      expect(entries.slice(4, 7).toSorted()).toEqual([
        'sent immediate by smtp',
        'sent response by smtp',
        'sent route by smtp',
      ]);
      expect(tasks.scheduled.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
      await tasks.idle();
      expect(journal.take().filter((entry) => entry !== 'finish')).toEqual([]);
    });

    it('waits for what they schedule in turn', async () => {
      await start(adapter, { mode: 'inline' });
      await get('/nested').expect(200, 'answer');
      expect(journal.take().slice(0, 2)).toEqual(['begin nested', 'sent nested by smtp']);
    });

    it('discards what a handler that throws has scheduled, and answers its error', async () => {
      const tasks = await start(adapter, { mode: 'inline' });
      await get('/throws').expect(409);
      expect(journal.take().filter((entry) => entry !== 'finish')).toEqual([
        'begin immediate',
        'begin on error',
        'sent immediate by smtp',
        'sent on error by smtp',
      ]);
      tasks.expectDiscarded(send, { times: 2 });
    });

    it('sends server-sent events, and ends them after the tasks', async () => {
      await start(adapter, { mode: 'inline' });
      const { text } = await get('/sse').expect(200);
      expect(text).toContain('data: second');
      expect(journal.take().slice(0, 2)).toEqual(['begin sse', 'sent sse by smtp']);
    });

    it('waits for no other tasks than those of the request', async () => {
      const tasks = await start(adapter, { mode: 'inline' });
      await get('/outside').expect(200, 'answer');
      expect(tasks.expectScheduled('outside').status).toBe('running');
      expect(journal.take().slice(0, 2)).toEqual(['begin outside', 'returned']);
      await get('/nothing').expect(200, 'answer');
      gate.pass();
      await tasks.idle();
    });

    it('answers all the same, and says so, when one does not end', async () => {
      const tasks = await start(adapter, { mode: 'inline', patience: 30 });
      await get('/held').expect(200, 'answer');
      expect(logs.matching('Response stopped waiting')).toEqual([
        expect.stringMatching(
          /^error Response stopped waiting after 30 ms for: {3}1\. endless#\d+ \(afterResponse\) runs, scheduled/,
        ),
      ]);
      gate.pass();
      await tasks.idle();
    });
  });

  it.each(['run', 'record', 'inline'] as const)('leaves to TestQueue what is enqueued, in mode %s', async (mode) => {
    const tasks = await start(adapter, { mode });
    await get('/enqueue').expect(200, 'answer');
    await tasks.idle();
    expect(queue.added.map(({ args: [to] }) => to)).toEqual(['now', 'route', 'response']);
    tasks.expectNothingScheduled();
    await queue.runUntilFinished();
    expect(journal.take().filter((entry) => entry !== 'finish')).toEqual([
      'reminded now',
      'reminded route',
      'reminded response',
    ]);
  });

  describe('shutdown()', () => {
    it('serves the requests in flight between its phases, and lets the application go on', async () => {
      const tasks = await start(adapter);
      const response = get('/slow').then(({ status }) => status);
      await until(() => tasks.scheduled.length === 2, 'the handler');
      const shutdown = tasks.shutdown();
      await macrotask();
      const poll = tasks.expectScheduled('poll');
      expect(poll.signal.aborted).toBe(false); // its request is in flight
      gate.pass();
      expect(await response).toBe(200);
      const { awaited, cancelled, discarded } = await shutdown;
      expect(awaited.map(({ args }) => args)).toEqual([['slow']]);
      expect([cancelled, discarded]).toEqual([[], []]);
      expect(poll.status).toBe('succeeded');

      await get('/').expect(200, 'answer');
      tasks.expectDiscarded(send, { times: 3 });
    });

    it('does not wait for ever for a request', async () => {
      const tasks = await start(adapter, { patience: 30 });
      const client = open(`${await app!.getUrl()}/slow`);
      await until(() => tasks.scheduled.length === 2, 'the handler');
      await expect(tasks.shutdown()).rejects.toThrow(/poll#\d+ \(immediate\) runs.*\n.*send#\d+ .* is held until/);
      gate.pass();
      await app!.get(TaskScheduler).idle();
      const late = app!.get(TaskScheduler).schedule(send, 'late');
      expect((await late.done).status).toBe('succeeded'); // what was given up goes no further
      client.destroy();
    });
  });
});

it('holds the answer of a GraphQL operation until the tasks of all its resolvers have ended', async () => {
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true });
  await start(ADAPTERS[0][1], { mode: 'inline' }, { imports: [graphql], providers: [MailsResolver] });
  // Mutations run one after the other: the second would never begin if the first waited for the end of all.
  const { body } = await request(app!.getHttpServer()).post('/graphql').send({ query: 'mutation { one two }' });
  expect(body).toEqual({ data: { one: 'one', two: 'two' } });
  const entries = journal.take();
  expect(entries.slice(0, 4)).toEqual([
    'begin one route',
    'begin two route',
    'begin one response',
    'begin two response',
  ]);
  expect(entries.slice(4, 8).every((entry) => entry.startsWith('sent'))).toBe(true);
});
