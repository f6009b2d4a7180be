import { once } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import { Inject, UseGuards, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { from, map, NEVER, Subject, type Observable } from 'rxjs';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { Tasks, TaskScheduler, TasksService, type TasksUsageError } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';
import { until } from '../support/until.js';
import { DenyingGuard } from './scenarios.js';
import { Stage } from './stage.js';

interface Client {
  send(event: string, data?: unknown): void;
  /** The answer through the acknowledgement, where there is one. */
  ask?(event: string, data?: unknown): Promise<unknown>;
  /** The next message of the server. */
  next(): Promise<{ event: string; data: unknown }>;
  /** Resolves when the server has noticed. */
  leave(): Promise<void>;
}

interface Kind {
  readonly adapt: (app: INestApplication) => void;
  readonly connect: (url: string) => Promise<Client>;
}

interface Message {
  readonly event: string;
  readonly data: unknown;
}

/** Where what arrives waits for the test. */
class Inbox {
  private readonly messages: Message[] = [];
  readonly put = (message: Message): void => void this.messages.push(message);
  async next(): Promise<Message> {
    await until(() => this.messages.length > 0, 'a message');
    return this.messages.shift()!;
  }
}

async function connectWs(url: string): Promise<Client> {
  const client = new WebSocket(url.replace('http', 'ws'));
  const inbox = new Inbox();
  client.on('message', (text: Buffer) => inbox.put(JSON.parse(text.toString('utf8')) as Message));
  await once(client, 'open');
  return {
    send: (event, data) => client.send(JSON.stringify({ event, data })),
    next: () => inbox.next(),
    leave: async () => client.terminate(),
  };
}

async function connectSocketIo(url: string): Promise<Client> {
  const client = io(url, { transports: ['websocket'], forceNew: true });
  const inbox = new Inbox();
  client.onAny((event: string, data: unknown) => inbox.put({ event, data }));
  await new Promise<void>((resolve) => client.once('connect', resolve));
  return {
    send: (event, data) => client.emit(event, data),
    ask: (event, data) => client.emitWithAck(event, data),
    next: () => inbox.next(),
    leave: async () => void client.disconnect(),
  };
}

const KINDS: readonly [string, Kind][] = [
  ['ws', { adapt: (app) => app.useWebSocketAdapter(new WsAdapter(app)), connect: connectWs }],
  ['socket.io', { adapt: (app) => app.useWebSocketAdapter(new IoAdapter(app)), connect: connectSocketIo }],
];

const answer = map((data: unknown) => ({ event: 'answer', data }));

@WebSocketGateway()
class StageGateway implements OnGatewayConnection {
  constructor(
    @Inject(Stage) private readonly stage: Stage,
    @Inject(TaskScheduler) private readonly scheduler: TaskScheduler,
  ) {}

  handleConnection(client: { once(event: string, listener: () => void): void }): void {
    this.scheduler.task({ name: 'greet' }).schedule(this.stage.journal.write, 'connected');
    for (const event of ['close', 'disconnect']) client.once(event, () => this.stage.journal.write('left'));
  }

  @SubscribeMessage('play')
  async play(@MessageBody() name: string, @Tasks() tasks: TasksService) {
    return { event: 'answer', data: await this.stage.play(name, tasks) };
  }

  @SubscribeMessage('promise')
  promise(@Tasks() tasks: TasksService): Promise<unknown> {
    return Promise.resolve(this.stage.play('promise', tasks));
  }

  @SubscribeMessage('stream')
  stream(@Tasks() tasks: TasksService): Observable<unknown> {
    return (this.stage.play('stream', tasks) as Observable<unknown>).pipe(answer);
  }

  @SubscribeMessage('later stream')
  async laterStream(@Tasks() tasks: TasksService): Promise<Observable<unknown>> {
    return ((await this.stage.play('later stream', tasks)) as Observable<unknown>).pipe(answer);
  }

  @SubscribeMessage('nothing')
  nothing(@Tasks() tasks: TasksService): void {
    this.stage.play('nothing', tasks);
  }

  @SubscribeMessage('guarded')
  @UseGuards(DenyingGuard)
  guarded(@Tasks() tasks: TasksService): void {
    this.stage.play('guarded', tasks);
  }
}

/** Request-scoped, since what it injects is; Nest 12 makes it once for each connection. */
@WebSocketGateway()
class ScopedGateway {
  constructor(
    private readonly tasks: TasksService,
    private readonly stage: Stage,
  ) {}

  @SubscribeMessage('use')
  use(@MessageBody() use: 'schedule' | 'afterRoute' | 'afterResponse' | 'taken', @Tasks() taken: TasksService): object {
    try {
      if (use === 'taken') return { event: 'answer', data: this.stage.batches('taken')(taken) };
      if (use === 'schedule') this.tasks.schedule(() => {});
      else this.tasks[use].schedule(() => {});
      return { event: 'answer', data: 'scheduled' };
    } catch (error) {
      const { code, message } = error as TasksUsageError;
      return { event: 'answer', data: `${code} ${message}` };
    }
  }
}

interface Started extends AsyncDisposable {
  readonly journal: Journal;
  readonly stage: Stage;
  readonly scheduler: TaskScheduler;
  readonly logs: LogLines;
  readonly client: Client;
}

async function start({ adapt, connect }: Kind, metadata: ModuleMetadata): Promise<Started> {
  const logs = new LogLines();
  const module = await compile({ providers: [Journal, Stage, ...(metadata.providers ?? [])] }, {}, logs);
  const app = module.createNestApplication();
  adapt(app);
  await app.listen(0, '127.0.0.1');
  const client = await connect(await app.getUrl());
  return {
    client,
    logs,
    journal: module.get(Journal),
    stage: module.get(Stage),
    scheduler: module.get(TaskScheduler),
    async [Symbol.asyncDispose]() {
      await client.leave();
      await app.close();
    },
  };
}

describe.each(KINDS)('messages of a gateway on %s', (_name, kind) => {
  let test: Started;
  let stage: Stage;
  let journal: Journal;
  let client: Client;
  beforeEach(async () => {
    test = await start(kind, { providers: [StageGateway] });
    ({ stage, journal, client } = test);
    await until(() => journal.entries.includes('connected'), 'the connection');
    journal.take();
  });
  afterEach(async () => test[Symbol.asyncDispose]());

  const idle = async (): Promise<string[]> => {
    await test.scheduler.idle();
    return journal.take();
  };

  it('have several answers: after-route tasks start before the first, after-response tasks after the last', async () => {
    const values = new Subject<number>();
    stage.on(
      'stream',
      stage.batches('stream', () => values),
    );
    client.send('stream');
    await until(() => values.observed, 'the subscription');
    expect(journal.entries).toEqual([]);
    values.next(1);
    expect(await client.next()).toEqual({ event: 'answer', data: 1 });
    values.next(2);
    expect(await client.next()).toEqual({ event: 'answer', data: 2 });
    expect(journal.entries).toEqual(['stream: route']);
    values.complete();
    expect(await idle()).toEqual(['stream: route', 'stream: response']);
  });

  it('have several answers at once, in their order', async () => {
    stage.on(
      'stream',
      stage.batches('stream', () => from([1, 2, 3])),
    );
    client.send('stream');
    for (const data of [1, 2, 3]) expect(await client.next()).toEqual({ event: 'answer', data });
    expect(await idle()).toEqual(['stream: route', 'stream: response']);
  });

  it('may be answered through the acknowledgement', async () => {
    if (client.ask === undefined) return; // ws has none
    stage.on('promise', (tasks) => stage.batches('promise', () => ({ got: 'it' }))(tasks));
    expect(await client.ask('promise')).toEqual({ got: 'it' });
    expect(await idle()).toEqual(['promise: route', 'promise: response']);
  });

  it('have no answer, and tasks all the same', async () => {
    stage.on('nothing', stage.batches('nothing'));
    client.send('nothing');
    await until(() => journal.entries.length === 2, 'the tasks');
    expect(await idle()).toEqual(['nothing: route', 'nothing: response']);
  });

  it('do not mix, two at the same time on one connection', async () => {
    const [first, second] = [new Gate(), new Gate()];
    stage.on(
      'first',
      stage.batches('first', async () => {
        await first.passed;
        throw new WsException('first fails');
      }),
    );
    stage.on(
      'second',
      stage.batches('second', async () => {
        await second.passed;
        return 'second';
      }),
    );
    client.send('play', 'first');
    client.send('play', 'second');
    await until(() => stage.services.length === 2, 'both');
    expect(new Set(stage.services).size).toBe(2);
    first.pass();
    expect(await client.next()).toMatchObject({ event: 'exception' });
    await macrotask();
    expect(journal.entries).toEqual([]);
    expect(test.scheduler.counts.discarded).toBe(2);
    second.pass();
    expect(await client.next()).toEqual({ event: 'answer', data: 'second' });
    expect(await idle()).toEqual(['second: route', 'second: response']);
  });

  it('that a guard denies leave nothing behind', async () => {
    client.send('guarded');
    expect(await client.next()).toMatchObject({ event: 'exception' });
    await test.scheduler.idle();
    expect(stage.services).toEqual([]);
  });

  it('come after handleConnection(), which has TaskScheduler', () => {
    expect(test.scheduler.counts.succeeded).toBe(1);
  });

  describe('whose client leaves', () => {
    const left = async (): Promise<void> => {
      await client.leave();
      await until(() => journal.entries.includes('left'), 'the server to notice');
      await macrotask();
      expect(journal.take()).toEqual(['left']);
    };

    it.each(['play', 'promise'])('have their handler awaited: %s, which returns', async (handler) => {
      const [entered, ends] = [new Gate(), new Gate()];
      stage.on(
        handler,
        stage.batches(handler, async () => {
          entered.pass();
          await ends.passed;
          journal.write('handler ends');
        }),
      );
      client.send(handler, handler);
      await entered.passed;
      await left();
      ends.pass();
      expect(await idle()).toEqual(['handler ends', `${handler}: route`, `${handler}: response`]);
    });

    it.each(['play', 'promise'])('have their handler awaited: %s, which throws', async (handler) => {
      const [entered, ends] = [new Gate(), new Gate()];
      stage.on(
        handler,
        stage.batches(handler, async () => {
          entered.pass();
          await ends.passed;
          throw new Error('to nobody');
        }),
      );
      client.send(handler, handler);
      await entered.passed;
      await left();
      ends.pass();
      expect(await idle()).toEqual([]);
      expect(test.scheduler.counts.discarded).toBe(2);
    });

    it('have their Observable torn down, which is no failure', async () => {
      stage.on(
        'stream',
        stage.batches('stream', () => NEVER),
      );
      client.send('stream');
      await until(() => stage.services.length === 1, 'the handler');
      await macrotask();
      await client.leave();
      await until(() => journal.entries.length === 3, 'the tasks');
      expect((await idle()).toSorted()).toEqual(['left', 'stream: response', 'stream: route']);
    });

    it('have an Observable that comes later left alone, as Nest does, and its handler has succeeded', async () => {
      const [entered, ends] = [new Gate(), new Gate()];
      const values = new Subject<number>();
      stage.on(
        'later stream',
        stage.batches('later stream', async () => {
          entered.pass();
          await ends.passed;
          return values;
        }),
      );
      client.send('later stream');
      await entered.passed;
      await left();
      ends.pass();
      expect(await idle()).toEqual(['later stream: route', 'later stream: response']);
      expect(values.observed).toBe(false);
    });

    it('in the middle of their answers: after-response tasks start', async () => {
      const values = new Subject<number>();
      stage.on(
        'stream',
        stage.batches('stream', () => values),
      );
      client.send('stream');
      await until(() => values.observed, 'the subscription');
      values.next(1);
      await client.next();
      expect(journal.take()).toEqual(['stream: route']);
      await client.leave();
      await until(() => !values.observed, 'the end of the subscription');
      expect((await idle()).toSorted()).toEqual(['left', 'stream: response']);
    });
  });

  it('cannot have the service injected: its use says what to do, and does no harm', async () => {
    await using scoped = await start(kind, { providers: [ScopedGateway] });
    for (const use of ['schedule', 'afterRoute', 'afterResponse']) {
      scoped.client.send('use', use);
      expect(await scoped.client.next()).toEqual({
        event: 'answer',
        data: expect.stringMatching(
          /^NO_REQUEST.*a gateway's client.*Take the service with @Tasks\(\) in the handler and pass it on, or inject TaskScheduler/,
        ),
      });
    }
    scoped.client.send('use', 'taken');
    expect(await scoped.client.next()).toEqual({ event: 'answer', data: 'taken' });
    await scoped.scheduler.idle();
    expect(scoped.journal.take()).toEqual(['taken: route', 'taken: response']);
  });
});
