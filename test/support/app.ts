import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TaskScheduler, type TasksModuleOptions } from 'nestjs-tasks';
import { TestTasks } from 'nestjs-tasks/testing';
import { LogLines } from './log-lines.js';
import { compile } from './module.js';

/** Both adapters, for `describe.each`. */
export const ADAPTERS = [
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const;

export type AdapterFactory = (typeof ADAPTERS)[number][1];

export interface TestApp extends AsyncDisposable {
  readonly app: INestApplication;
  readonly url: string;
  readonly scheduler: TaskScheduler;
  readonly logs: LogLines;
}

/** One whose tasks are watched. */
export interface WatchedApp extends TestApp {
  readonly tasks: TestTasks;
}

/** An app that listens on a free port. `await using` closes it. */
export async function startApp(
  metadata: ModuleMetadata,
  options: TasksModuleOptions = {},
  adapter: AdapterFactory = ADAPTERS[0][1],
): Promise<WatchedApp> {
  const logs = new LogLines();
  const module = await compile(metadata, options, logs);
  const app = module.createNestApplication(adapter());
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    scheduler: app.get(TaskScheduler),
    tasks: TestTasks.of(app),
    logs,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** One request on a connection of its own, unless an agent is given. */
export async function send(url: string, options: http.RequestOptions = {}): Promise<Reply> {
  const request = http.request(url, { agent: false, ...options }).end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode ?? 0, body, headers: response.headers };
}

/** A request whose client can leave. */
export function open(url: string): http.ClientRequest {
  const request = http.request(url, { agent: false }).end();
  request.on('error', () => {}); // leaving is an error on the client's side
  return request;
}

/** A point that one side waits at until the other has passed it. */
export class Gate {
  pass!: () => void;
  readonly passed = new Promise<void>((resolve) => {
    this.pass = resolve;
  });
}
