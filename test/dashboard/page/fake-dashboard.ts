import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ActionResult, Views } from '../../../lib/operations/api.js';
import { cannedViews } from './canned-views.js';

const BUILT = join(import.meta.dirname, '../../../dist/dashboard/page');
const ROOT = '/admin/tasks/';
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Action that the page has asked for. */
export interface Posted {
  readonly action: string;
  readonly body: unknown;
  readonly contentType: string | undefined;
  readonly header: string | undefined;
}

/** Event stream of a page. */
interface Stream {
  readonly view: string;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

/** Server of the page alone: it answers with data of the test, and the test says when what happens. */
export class FakeDashboard {
  readonly views = cannedViews();
  readonly posts: Posted[] = [];
  /** Requests of the API but the streams, with their queries. */
  readonly reads: string[] = [];
  /** All streams that were opened, with their queries. */
  readonly opened: string[] = [];
  readonly streams = new Set<Stream>();
  /** Answers of actions, by their names. */
  readonly results: Record<string, ActionResult> = {};
  count = 412;
  /** Status with which the API refuses everything, and its message. */
  refusal: { readonly status: number; readonly body: string } | undefined;
  /** Later pages of the executions, by their cursors. */
  readonly pages: Record<string, Views['executions']> = {};

  private server: Server | undefined;
  private port = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Cuts all connections. The next start has the same port. */
  async stop(): Promise<void> {
    const server = this.server;
    if (server === undefined) return;
    this.server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${ROOT}${path}`;
  }

  /** Changes a view, and tells the streams that follow it. */
  show<V extends keyof Views>(view: V, data: Views[V]): void {
    this.views[view] = data;
    for (const stream of this.streams) {
      if (view === 'summary') this.sendTo(stream, 'summary', data);
      else if (stream.view === view) this.sendTo(stream, 'view', data);
    }
  }

  send(type: string, data: unknown): void {
    for (const stream of this.streams) this.sendTo(stream, type, data);
  }

  private sendTo({ response }: Stream, type: string, data: unknown): void {
    response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams, search } = new URL(request.url ?? '', this.url(''));
    const path = pathname.slice(ROOT.length);
    if (!path.startsWith('api/v1/')) return this.serve(path, response);
    const name = path.slice('api/v1/'.length);
    if (name !== 'stream') this.reads.push(`${name}${search}`);
    if (this.refusal !== undefined) {
      response.writeHead(this.refusal.status, { 'content-type': 'application/json' }).end(this.refusal.body);
    } else if (name === 'stream') this.open(searchParams, search, response);
    else if (request.method === 'POST') await this.act(name, request, response);
    else this.json(response, 200, this.read(name, searchParams));
  }

  private read(name: string, query: URLSearchParams): unknown {
    if (name === 'count') return { count: this.count };
    const cursor = query.get('cursor');
    if (cursor !== null) return this.pages[cursor];
    return this.views[name as keyof Views];
  }

  private async act(action: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = JSON.parse(await text(request));
    const header = request.headers['x-nestjs-tasks'];
    this.posts.push({
      action,
      body,
      contentType: request.headers['content-type'],
      header: typeof header === 'string' ? header : undefined,
    });
    this.json(response, 201, this.results[action] ?? { result: 'done' });
  }

  private open(query: URLSearchParams, search: string, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const view = query.get('view') as keyof Views;
    const stream: Stream = { view, query, response };
    this.streams.add(stream);
    this.opened.push(search);
    response.on('close', () => {
      this.streams.delete(stream);
    });
    this.sendTo(stream, 'summary', this.views.summary);
    this.sendTo(stream, 'view', this.views[view]);
  }

  private async serve(path: string, response: ServerResponse): Promise<void> {
    const file = path.startsWith('assets/') ? path : 'index.html';
    const content = await readFile(join(BUILT, file));
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'text/plain',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
    });
    response.end(content);
  }

  private json(response: ServerResponse, status: number, data: unknown): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(data));
  }
}
