import { once } from 'node:events';
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication, ModuleMetadata, NestApplicationOptions } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TaskQueue, TasksModule, type TasksModuleOptions } from 'nestjs-tasks';
import { TasksDashboardModule, type TasksDashboardOptions } from 'nestjs-tasks/dashboard';
import { LiveTimes } from '../../lib/dashboard/live/live-times.js';
import { PageFiles } from '../../lib/dashboard/page-files.js';
import type { AdapterFactory } from '../support/app.js';
import { LogLines } from '../support/log-lines.js';
import { ADAPTERS } from '../support/app.js';

export interface DashboardApp extends AsyncDisposable {
  readonly app: INestApplication;
  readonly queue: TaskQueue;
  /** Address of the application. */
  readonly url: string;
  readonly logs: LogLines;
}

export interface DashboardAppOptions {
  readonly adapter?: AdapterFactory;
  readonly dashboard?: TasksDashboardOptions;
  readonly metadata?: ModuleMetadata;
  readonly tasks?: TasksModuleOptions;
  readonly times?: Partial<LiveTimes>;
  readonly application?: NestApplicationOptions;
  /** Serves the page of the build, in place of files that stand for it. */
  readonly isBuilt?: boolean;
  /** Sets the application up before it listens. */
  readonly setUp?: (app: INestApplication) => void;
}

/** Files that stand for the page, which only a build makes. */
export const INDEX = '<!doctype html><title>Tasks</title><script type="module" src="./assets/app.js"></script>';
const FOLDER = mkdtempSync(join(tmpdir(), 'dashboard-page-'));
mkdirSync(join(FOLDER, 'assets'));
writeFileSync(join(FOLDER, 'index.html'), INDEX);
writeFileSync(join(FOLDER, 'secret.txt'), 'secret of the folder');
for (const name of ['app.js', 'app.css', 'icon.svg', 'licences.txt']) {
  writeFileSync(join(FOLDER, 'assets', name), `/* ${name} */`);
}

class StandInFiles extends PageFiles {
  protected override find(): string {
    return FOLDER;
  }
}

/** An application with a dashboard, which listens on a free port. `await using` closes it. */
export async function startDashboard({
  adapter = ADAPTERS[0][1],
  dashboard = { unprotected: true },
  metadata = {},
  tasks = {},
  times = {},
  application = {},
  isBuilt = false,
  setUp = () => {},
}: DashboardAppOptions = {}): Promise<DashboardApp> {
  const logs = new LogLines();
  const imports = [TasksModule.forRoot(tasks), TasksDashboardModule.forRoot(dashboard), ...(metadata.imports ?? [])];
  const module = await Test.createTestingModule({ ...metadata, imports })
    .overrideProvider(PageFiles)
    .useClass(isBuilt ? PageFiles : StandInFiles)
    .overrideProvider(LiveTimes)
    .useValue(Object.assign(new LiveTimes(), times))
    .setLogger(logs)
    .compile();
  const app = module.createNestApplication(adapter(), application);
  setUp(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    queue: app.get(TaskQueue),
    url: `http://127.0.0.1:${port}`,
    logs,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** One request. The path is sent as it is, also with `..` in it. A stream is read until its first event. */
export async function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string } = {},
): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const request = http.request({ hostname, port, path, method, headers, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const isStream = response.headers['content-type'] === 'text/event-stream';
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    if (isStream && text.includes('event: ')) break;
  }
  return { status: response.statusCode ?? 0, body: text, headers: response.headers };
}

/** Headers of an action as the page sends them. */
export const ACTION_HEADERS = { 'content-type': 'application/json', 'x-nestjs-tasks': '1' };

export function act(
  url: string,
  action: string,
  body: unknown = {},
  headers: http.OutgoingHttpHeaders = {},
): Promise<Reply> {
  return ask(url, `/tasks/api/v1/${action}`, {
    method: 'POST',
    headers: { ...ACTION_HEADERS, ...headers },
    body: JSON.stringify(body),
  });
}

/** Reads a view of a dashboard at /tasks. @throws when it is refused. */
export async function view<T>(url: string, path: string): Promise<T> {
  const { status, body } = await ask(url, `/tasks/api/v1/${path}`);
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body) as T;
}
