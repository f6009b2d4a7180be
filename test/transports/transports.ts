import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Controller,
  Get,
  Inject,
  Param,
  Sse,
  type INestApplication,
  type INestMicroservice,
  type MessageEvent,
  type ModuleMetadata,
} from '@nestjs/common';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import {
  ClientProxyFactory,
  JsonSocket,
  MessagePattern,
  Payload,
  Transport as NestTransport,
} from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { from, lastValueFrom, map, type Observable } from 'rxjs';
import { io } from 'socket.io-client';
import request from 'supertest';
import { WebSocket } from 'ws';
import { Tasks, TaskScheduler, TasksService, type TasksModuleOptions } from 'nestjs-tasks';
import { ADAPTERS } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';
import { FailingPipe, Layers, NoteTasks, RouteLayer, Scenarios } from './scenarios.js';

/** An application that is reached in one way, with its real client. */
export interface Reached extends AsyncDisposable {
  readonly app: INestApplication | INestMicroservice;
  readonly journal: Journal;
  readonly scenarios: Scenarios;
  readonly scheduler: TaskScheduler;
  readonly logs: LogLines;
  /** Resolves with what the handler has answered, or 'error'. */
  call(scenario: string): Promise<string>;
}

export interface TransportKind {
  readonly name: string;
  /** The journal gets 'reply' when the answer is handed to the network. */
  start(options?: TasksModuleOptions): Promise<Reached>;
}

const SHARED = [Journal, Scenarios, NoteTasks];

async function prepare(metadata: ModuleMetadata, options: TasksModuleOptions = {}) {
  const logs = new LogLines();
  const module = await compile({ ...metadata, providers: [...SHARED, ...(metadata.providers ?? [])] }, options, logs);
  return {
    module,
    logs,
    journal: module.get(Journal),
    scenarios: module.get(Scenarios),
    scheduler: module.get(TaskScheduler),
  };
}

@Controller()
@Layers()
class HttpController {
  constructor(@Inject(Scenarios) private readonly scenarios: Scenarios) {}

  @Get('play/:scenario')
  @RouteLayer()
  play(@Param('scenario', FailingPipe) scenario: string, @Tasks() tasks: TasksService): Promise<string> {
    return this.scenarios.play(scenario, tasks);
  }

  @Sse('events/:scenario')
  @RouteLayer()
  events(@Param('scenario', FailingPipe) scenario: string, @Tasks() tasks: TasksService): Observable<MessageEvent> {
    return from(this.scenarios.play(scenario, tasks)).pipe(map((data) => ({ data })));
  }
}

function watchReplies(app: INestApplication, journal: Journal): void {
  app.use((_request: unknown, response: ServerResponse & { raw?: ServerResponse }, next: () => void) => {
    response.once('finish', () => journal.write('reply'));
    next();
  });
}

function http(name: string, adapter: (typeof ADAPTERS)[number][1], path: 'play' | 'events'): TransportKind {
  return {
    name,
    async start(options) {
      const { module, ...rest } = await prepare({ controllers: [HttpController] }, options);
      const app = module.createNestApplication(adapter());
      watchReplies(app, rest.journal);
      await app.listen(0, '127.0.0.1');
      return {
        app,
        ...rest,
        call: async (scenario) => {
          const { status, text } = await request(app.getHttpServer()).get(`/${path}/${encodeURIComponent(scenario)}`);
          if (status !== 200 || text.includes('event: error')) return 'error';
          return path === 'play' ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? '');
        },
        [Symbol.asyncDispose]: () => app.close(),
      };
    },
  };
}

@Resolver()
@Layers()
export class PlayResolver {
  constructor(@Inject(Scenarios) private readonly scenarios: Scenarios) {}

  @Query(() => String)
  @RouteLayer()
  play(
    @Args('scenario', { type: () => String }, FailingPipe) scenario: string,
    @Tasks() tasks: TasksService,
  ): Promise<string> {
    return this.scenarios.play(scenario, tasks);
  }

  @Mutation(() => String)
  change(
    @Args('scenario', { type: () => String }, FailingPipe) scenario: string,
    @Tasks() tasks: TasksService,
  ): Promise<string> {
    return this.scenarios.play(scenario, tasks);
  }
}

export const GRAPHQL = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true });

const graphql: TransportKind = {
  name: 'GraphQL (Apollo on Express)',
  async start(options) {
    const { module, ...rest } = await prepare({ imports: [GRAPHQL], providers: [PlayResolver] }, options);
    const app = module.createNestApplication();
    watchReplies(app, rest.journal);
    await app.listen(0, '127.0.0.1');
    return {
      app,
      ...rest,
      call: async (scenario) => {
        const query = 'query ($scenario: String!) { play(scenario: $scenario) }';
        const { body } = await request(app.getHttpServer()).post('/graphql').send({ query, variables: { scenario } });
        const { data, errors } = body as { data?: { play: string }; errors?: unknown[] };
        return errors === undefined ? (data?.play ?? '') : 'error';
      },
      [Symbol.asyncDispose]: () => app.close(),
    };
  },
};

@Controller()
@Layers()
class MessagesController {
  constructor(@Inject(Scenarios) private readonly scenarios: Scenarios) {}

  @MessagePattern('play')
  @RouteLayer()
  play(@Payload(FailingPipe) scenario: string, @Tasks() tasks: TasksService): Promise<string> {
    return this.scenarios.play(scenario, tasks);
  }
}

/** Tells when the server hands an answer to the network. */
export function journaledSocket(journal: () => Journal): typeof JsonSocket {
  return class extends JsonSocket {
    override sendMessage(message: unknown, callback?: (error?: unknown) => void): void {
      if ((message as { isDisposed?: boolean }).isDisposed === true) journal().write('reply');
      super.sendMessage(message, callback);
    }
  };
}

function tcpClient(port: number) {
  return ClientProxyFactory.create({ transport: NestTransport.TCP, options: { host: '127.0.0.1', port } });
}

async function callTcp(client: ReturnType<typeof tcpClient>, scenario: string): Promise<string> {
  try {
    return await lastValueFrom(client.send<string>('play', scenario));
  } catch {
    return 'error';
  }
}

const tcp: TransportKind = {
  name: 'microservice (TCP)',
  async start(options) {
    const { module, ...rest } = await prepare({ controllers: [MessagesController] }, options);
    const app = module.createNestMicroservice({
      transport: NestTransport.TCP,
      options: { host: '127.0.0.1', port: 0, socketClass: journaledSocket(() => rest.journal) },
    });
    await app.listen();
    const { port } = app.unwrap<{ address(): AddressInfo }>().address();
    const client = tcpClient(port);
    return {
      app,
      ...rest,
      call: (scenario) => callTcp(client, scenario),
      async [Symbol.asyncDispose]() {
        await client.close();
        await app.close();
      },
    };
  },
};

const hybrid: TransportKind = {
  name: 'hybrid application (TCP beside HTTP, inheritAppConfig)',
  async start(options) {
    const { module, ...rest } = await prepare({ controllers: [MessagesController] }, options);
    const app = module.createNestApplication();
    const microservice = app.connectMicroservice(
      {
        transport: NestTransport.TCP,
        options: { host: '127.0.0.1', port: 0, socketClass: journaledSocket(() => rest.journal) },
      },
      { inheritAppConfig: true },
    );
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const client = tcpClient(microservice.unwrap<{ address(): AddressInfo }>().address().port);
    return {
      app,
      ...rest,
      call: (scenario) => callTcp(client, scenario),
      async [Symbol.asyncDispose]() {
        await client.close();
        await app.close();
      },
    };
  },
};

@WebSocketGateway()
@Layers()
class PlayGateway implements OnGatewayConnection {
  constructor(
    @Inject(Scenarios) private readonly scenarios: Scenarios,
    @Inject(Journal) private readonly journal: Journal,
  ) {}

  handleConnection(client: { send?: (...args: unknown[]) => unknown }): void {
    for (const method of ['send', 'emit'] as const) {
      const connection = client as Record<string, ((...args: unknown[]) => unknown) | undefined>;
      const original = connection[method]?.bind(client);
      if (original === undefined) continue;
      connection[method] = (...args) => {
        const isAnswer = args[0] === 'answer' || String(args[0]).includes('"answer"');
        if (isAnswer) this.journal.write('reply');
        return original(...args);
      };
    }
  }

  @SubscribeMessage('play')
  @RouteLayer()
  async play(
    @MessageBody(FailingPipe) scenario: string,
    @Tasks() tasks: TasksService,
  ): Promise<{ event: string; data: string }> {
    try {
      return { event: 'answer', data: await this.scenarios.play(scenario, tasks) };
    } catch (error) {
      throw new WsException((error as Error).message);
    }
  }
}

const ws: TransportKind = {
  name: 'WebSocket gateway (ws)',
  async start(options) {
    const { module, ...rest } = await prepare({ providers: [PlayGateway] }, options);
    const app = module.createNestApplication();
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const client = new WebSocket((await app.getUrl()).replace('http', 'ws'));
    await once(client, 'open');
    return {
      app,
      ...rest,
      call: async (scenario) => {
        client.send(JSON.stringify({ event: 'play', data: scenario }));
        const [text] = (await once(client, 'message')) as [Buffer];
        const { event, data } = JSON.parse(text.toString('utf8')) as { event: string; data: string };
        return event === 'answer' ? data : 'error';
      },
      async [Symbol.asyncDispose]() {
        client.close();
        await app.close();
      },
    };
  },
};

const socketIo: TransportKind = {
  name: 'WebSocket gateway (socket.io)',
  async start(options) {
    const { module, ...rest } = await prepare({ providers: [PlayGateway] }, options);
    const app = module.createNestApplication();
    app.useWebSocketAdapter(new IoAdapter(app));
    await app.listen(0, '127.0.0.1');
    const client = io(await app.getUrl(), { transports: ['websocket'] });
    await new Promise<void>((resolve) => client.once('connect', resolve));
    return {
      app,
      ...rest,
      call: (scenario) =>
        new Promise((resolve) => {
          client.once('answer', resolve);
          client.once('exception', () => resolve('error'));
          client.emit('play', scenario);
        }),
      async [Symbol.asyncDispose]() {
        client.disconnect();
        await app.close();
      },
    };
  },
};

export const TRANSPORTS: readonly TransportKind[] = [
  ...ADAPTERS.map(([name, adapter]) => http(`HTTP (${name})`, adapter, 'play')),
  ...ADAPTERS.map(([name, adapter]) => http(`server-sent events (${name})`, adapter, 'events')),
  graphql,
  tcp,
  hybrid,
  ws,
  socketIo,
];
