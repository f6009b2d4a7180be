import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { Controller, Get, Inject, Sse, type MessageEvent } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Observable } from 'rxjs';
import { Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, Gate, open, send, startApp } from '../support/app.js';
import { Journal } from '../support/journal.js';

describe.each(ADAPTERS)('a request on %s', (_name, adapter) => {
  it('starts at once what is added to a batch whose moment has passed', async () => {
    @Controller()
    class LateController {
      constructor(@Inject(Journal) private readonly journal: Journal) {}

      @Get()
      get(@Tasks() tasks: TasksService) {
        const { write } = this.journal;
        tasks.afterRoute.schedule(() => {
          write('after-route');
          tasks.afterRoute.schedule(write, 'late after-route');
        });
        tasks.afterResponse.schedule(() => {
          write('after-response');
          tasks.afterRoute.schedule(write, 'later after-route');
          tasks.afterResponse.schedule(write, 'late after-response');
          tasks.afterResponse.task({ runOn: 'error' }).schedule(write, 'never');
          tasks.schedule(write, 'immediate');
        });
      }

      @Get('first-use')
      firstUse(@Tasks() tasks: TasksService) {
        // Neither batch was used before its moment.
        tasks.schedule(async () => {
          await this.gate.passed;
          tasks.afterRoute.schedule(this.journal.write, 'first after-route');
          tasks.afterResponse.schedule(this.journal.write, 'first after-response');
        });
      }

      @Sse('events')
      events(@Tasks() tasks: TasksService): Observable<MessageEvent> {
        return new Observable((subscriber) => {
          subscriber.next({ data: 'first' });
          tasks.afterRoute.schedule(this.journal.write, 'after the first event');
          setImmediate(() => {
            this.journal.write('last event');
            subscriber.complete();
          });
        });
      }

      readonly gate = new Gate();
    }
    await using test = await startApp({ controllers: [LateController], providers: [Journal] }, {}, adapter);
    const journal = test.app.get(Journal);

    await send(test.url);
    await test.tasks.idle();
    expect(journal.take()).toEqual([
      'after-route',
      'late after-route',
      'after-response',
      'later after-route',
      'late after-response',
      'immediate',
    ]);

    await send(`${test.url}/first-use`);
    test.app.get(LateController).gate.pass();
    await test.tasks.idle();
    expect(journal.take()).toEqual(['first after-route', 'first after-response']);

    await send(`${test.url}/events`);
    await test.tasks.idle();
    expect(journal.take()).toEqual(['after the first event', 'last event']);
  });

  it('keeps the order of starts under a concurrency limit, also past the response', async () => {
    const order: string[] = [];
    const work = async (name: string): Promise<void> => {
      order.push(name);
      await new Promise(setImmediate);
    };
    @Controller()
    class LimitedController {
      @Get()
      get(@Tasks() tasks: TasksService) {
        for (const n of [1, 2]) {
          tasks.afterResponse.schedule(work, `response ${n}`);
          tasks.afterRoute.schedule(work, `route ${n}`);
          tasks.schedule(work, `immediate ${n}`);
        }
      }
    }
    await using test = await startApp({ controllers: [LimitedController] }, { concurrency: 1 }, adapter);
    await send(test.url);
    await test.tasks.idle();
    expect(order).toEqual(['immediate 1', 'immediate 2', 'route 1', 'route 2', 'response 1', 'response 2']);
  });

  it('lends its tasks its AsyncLocalStorage context, also when its client has gone', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    const see = (timing: string): void => void seen.push(`${timing} of ${storage.getStore()}`);
    const [entered, left] = [new Gate(), new Gate()];

    @Controller()
    class ContextController {
      @Get()
      get(@Tasks() tasks: TasksService) {
        tasks.schedule(see, 'immediate');
        tasks.afterRoute.schedule(see, 'after-route');
        tasks.afterResponse.schedule(see, 'after-response');
      }

      @Get('slow')
      async slow(@Tasks() tasks: TasksService) {
        this.get(tasks);
        entered.pass();
        await left.passed;
      }
    }
    let requests = 0;
    await using test = await startApp({ controllers: [ContextController] }, {}, adapter);
    // Beneath Nest, as an instrumentation would be.
    const server = test.app.getHttpServer() as { emit(event: string, ...args: unknown[]): boolean };
    const emit = server.emit.bind(server);
    server.emit = (event, ...args) =>
      event === 'request' ? storage.run(`request ${++requests}`, () => emit(event, ...args)) : emit(event, ...args);

    await Promise.all([send(test.url), send(test.url)]);
    const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const client = open(`${test.url}/slow`);
    await entered.passed;
    client.destroy();
    await closed;
    left.pass();
    await test.tasks.idle();
    const timings = ['immediate', 'after-route', 'after-response'];
    expect(seen.toSorted()).toEqual(
      timings.flatMap((timing) => [1, 2, 3].map((request) => `${timing} of request ${request}`)).toSorted(),
    );
  });
});
