import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TaskScheduler, TasksModule, type TasksModuleOptions } from 'nestjs-tasks';

/** Both adapters, for `describe.each`. */
export const ADAPTERS = [
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const;

export type AdapterFactory = (typeof ADAPTERS)[number][1];

/** Keeps every line that is logged, one string each. */
export class LogLines implements LoggerService {
  readonly lines: string[] = [];
  readonly log = this.writer('log');
  readonly error = this.writer('error');
  readonly warn = this.writer('warn');
  readonly debug = this.writer('debug');
  readonly verbose = this.writer('verbose');

  /** The lines that contain `text`. */
  matching(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }

  private writer(level: string) {
    return (...parts: unknown[]): void => void this.lines.push([level, ...parts].join(' '));
  }
}

export interface TestApp extends AsyncDisposable {
  readonly app: INestApplication;
  readonly url: string;
  readonly scheduler: TaskScheduler;
  readonly logs: LogLines;
}

/** An app that listens on a free port. `await using` closes it. */
export async function startApp(
  metadata: ModuleMetadata,
  options: TasksModuleOptions = {},
  adapter: AdapterFactory = ADAPTERS[0][1],
): Promise<TestApp> {
  const logs = new LogLines();
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [TasksModule.forRoot(options), ...(metadata.imports ?? [])],
  })
    .setLogger(logs)
    .compile();
  const app = module.createNestApplication(adapter());
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    scheduler: app.get(TaskScheduler),
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
