import { once } from 'node:events';
import http from 'node:http';
import { Controller, Inject, type INestApplication } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { MessagePattern, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, isObservable, of, type Observable } from 'rxjs';
import { WebSocket } from 'ws';
import { BrokerUnavailableError, Tasks, TaskQueue, TaskScheduler, TasksService } from 'nestjs-tasks';
import { BROKER, type Broker } from '../../lib/queue/broker/broker.js';
import { Gate } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';
import { until } from '../support/until.js';
import { startGraphql } from './graphql-app.js';
import { Stage } from './stage.js';

/** The next additions wait. */
function holdAdd(broker: Broker): { asked: Gate; goOn: Gate; error: Error | undefined } {
  const held = { asked: new Gate(), goOn: new Gate(), error: undefined as Error | undefined };
  const add = broker.executions.add.bind(broker.executions);
  broker.executions.add = async (executions) => {
    held.asked.pass();
    await held.goOn.passed;
    if (held.error !== undefined) throw held.error;
    return add(executions);
  };
  return held;
}

describe('GraphQL', () => {
  @Resolver()
  class PlayResolver {
    constructor(@Inject(Stage) private readonly stage: Stage) {}

    @Query(() => String, { nullable: true })
    play(@Tasks() tasks: TasksService): unknown {
      return this.stage.play('play', tasks);
    }
  }

  it('enqueues what a resolver enqueues when its client has gone', async () => {
    const test = await startGraphql({ providers: [PlayResolver] });
    const [entered, left] = [new Gate(), new Gate()];
    test.stage.on('play', async (tasks) => {
      entered.pass();
      await left.passed;
      for (const key of ['one', 'two']) tasks.afterRoute.enqueue('tasks.trace', { key })(key);
      return test.stage.batches('play')(tasks);
    });
    const closed = once(test.app.getHttpServer(), 'request').then(([, response]) => once(response, 'close'));
    const client = http.request(`${test.url}/graphql`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
    });
    client.on('error', () => {}).end(JSON.stringify({ query: '{ play }' }));
    await entered.passed;
    client.destroy();
    await closed;
    left.pass();
    await until(() => test.journal.entries.length === 2, 'both batches');
    await test.scheduler.idle();
    expect(test.journal.take()).toEqual(['play: route', 'play: response']);
    const queue = test.app.get(TaskQueue);
    for (const key of ['one', 'two']) expect(await queue.get(key)).toBeDefined();
    await test.app.close();
  });
});

describe('a gateway', () => {
  @WebSocketGateway()
  class PlayGateway {
    constructor(@Inject(Stage) private readonly stage: Stage) {}

    /** Neither async nor said to return a promise: such a handler is let go of when its client leaves. */
    @SubscribeMessage('play')
    play(@Tasks() tasks: TasksService): Observable<unknown> {
      this.stage.play('play', tasks);
      return of({ event: 'answer', data: 'to nobody' });
    }
  }

  it.each([true, false])('does not begin before the queue has accepted when its client leaves: %s', async (accepts) => {
    const logs = new LogLines();
    const module = await compile({ providers: [Journal, Stage, PlayGateway] }, {}, logs);
    const app: INestApplication = module.createNestApplication();
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const [stage, journal, scheduler] = [app.get(Stage), app.get(Journal), app.get(TaskScheduler)];
    const held = holdAdd(app.get<Broker>(BROKER));
    if (!accepts) held.error = new BrokerUnavailableError('The broker', 'no answer');
    stage.on('play', (tasks) => {
      stage.batches('play')(tasks);
      tasks.afterRoute.enqueue('tasks.trace')('x');
    });
    const client = new WebSocket((await app.getUrl()).replace('http', 'ws'));
    await once(client, 'open');
    client.send(JSON.stringify({ event: 'play' }));
    await held.asked.passed;
    const server = app.getHttpServer() as http.Server;
    client.terminate();
    await until(() => new Promise((resolve) => server.getConnections((_, open) => resolve(open === 0))), 'it to leave');
    expect(journal.entries).toEqual([]);
    held.goOn.pass();
    await scheduler.idle();
    expect(journal.take()).toEqual(accepts ? ['play: route', 'play: response'] : []);
    expect(scheduler.counts.discarded).toBe(accepts ? 0 : 2);
    await app.close();
  });
});

describe("a transport of the application's own, whose messages have no context", () => {
  class OwnTransport extends Server implements CustomTransportStrategy {
    listen(started: () => void): void {
      started();
    }

    close(): void {}

    on(): void {}

    unwrap<T>(): T {
      return undefined as T;
    }

    async ask(pattern: string, data: unknown): Promise<unknown> {
      const answer: unknown = await (this.getHandlerByPattern(pattern) as (data: unknown) => Promise<unknown>)(data);
      return isObservable(answer) ? firstValueFrom(answer as Observable<unknown>) : answer;
    }
  }

  @Controller()
  class PlayController {
    constructor(@Inject(Stage) private readonly stage: Stage) {}

    @MessagePattern('play')
    play(@Tasks() tasks: TasksService): unknown {
      return this.stage.play('play', tasks);
    }

    @MessagePattern('plain')
    plain(): string {
      return 'plain';
    }
  }

  it('has tasks, and does without', async () => {
    const module = await compile({ controllers: [PlayController], providers: [Journal, Stage] }, {}, new LogLines());
    const strategy = new OwnTransport();
    const app = module.createNestMicroservice({ strategy });
    await app.listen();
    const [stage, journal] = [app.get(Stage), app.get(Journal)];
    stage.on('play', stage.batches('play'));
    expect(await strategy.ask('plain', {})).toBe('plain');
    expect(await strategy.ask('play', {})).toBe('play');
    await app.get(TaskScheduler).idle();
    expect(journal.take()).toEqual(['play: route', 'play: response']);
    expect(new Set(stage.services).size).toBe(1);
    await app.close();
  });
});
