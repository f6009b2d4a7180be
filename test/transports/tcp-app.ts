import net, { type AddressInfo, type Socket } from 'node:net';
import type { INestApplication, INestMicroservice, ModuleMetadata } from '@nestjs/common';
import {
  ClientProxyFactory,
  JsonSocket,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { lastValueFrom, toArray } from 'rxjs';
import { TaskScheduler, type TasksModuleOptions } from 'nestjs-tasks';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';
import { Stage } from './stage.js';

export interface TcpApp extends AsyncDisposable {
  readonly app: INestApplication | INestMicroservice;
  readonly journal: Journal;
  readonly stage: Stage;
  readonly scheduler: TaskScheduler;
  readonly logs: LogLines;
  readonly client: ClientProxy;
  /** The server's side of each connection. */
  readonly sockets: readonly Socket[];
  /** Everything that is answered, or the error. */
  send(pattern: string, payload?: unknown): Promise<unknown>;
  /** Without Nest: a connection that can be slow, or leave. */
  connect(): net.Socket;
}

/** How the application is made, of which the microservice is all or a part. */
export type TcpKind = 'microservice' | 'hybrid' | 'hybrid without inheritAppConfig';

/** The journal gets 'sent: …' for what is handed to the network. */
export async function startTcp(
  metadata: ModuleMetadata,
  kind: TcpKind = 'microservice',
  options: TasksModuleOptions = {},
): Promise<TcpApp> {
  const logs = new LogLines();
  const module = await compile(
    { ...metadata, providers: [Journal, Stage, ...(metadata.providers ?? [])] },
    options,
    logs,
  );
  const journal = module.get(Journal);
  const sockets: Socket[] = [];
  class ServerSocket extends JsonSocket {
    constructor(socket: Socket) {
      super(socket);
      sockets.push(socket);
    }

    override sendMessage(message: { response?: unknown; err?: unknown }, callback?: (error?: unknown) => void): void {
      const { response, err } = message;
      if (response !== undefined && String(response).length < 100) journal.write(`sent: ${String(response)}`);
      if (err !== undefined) journal.write('sent: error');
      super.sendMessage(message, callback);
    }
  }
  const settings: MicroserviceOptions = {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0, socketClass: ServerSocket },
  };
  let app: INestApplication | INestMicroservice;
  let microservice: INestMicroservice;
  if (kind === 'microservice') {
    app = microservice = module.createNestMicroservice(settings);
    await microservice.listen();
  } else {
    app = module.createNestApplication();
    microservice = app.connectMicroservice(settings, { inheritAppConfig: kind === 'hybrid' });
    await app.startAllMicroservices();
  }
  const { port } = microservice.unwrap<{ address(): AddressInfo }>().address();
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  return {
    app,
    journal,
    logs,
    client,
    sockets,
    stage: module.get(Stage),
    scheduler: module.get(TaskScheduler),
    send: (pattern, payload = {}) =>
      lastValueFrom(client.send<unknown>(pattern, payload).pipe(toArray())).catch((error: unknown) => error),
    connect: () => net.connect(port, '127.0.0.1').on('error', () => {}),
    async [Symbol.asyncDispose]() {
      await client.close();
      await app.close();
    },
  };
}

/** As Nest frames it. */
export function frame(message: object): string {
  const text = JSON.stringify(message);
  return `${text.length}#${text}`;
}
