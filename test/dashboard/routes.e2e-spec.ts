import http from 'node:http';
import {
  BadRequestException,
  Injectable,
  Module,
  Scope,
  VersioningType,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { TasksDashboardModule, type TasksDashboardAccess } from 'nestjs-tasks/dashboard';
import { map, type Observable } from 'rxjs';
import { ADAPTERS } from '../support/app.js';
import { LogLines } from '../support/log-lines.js';
import { usageError } from '../support/usage-error.js';
import { act, ACTION_HEADERS, ask, INDEX, startDashboard } from './dashboard-app.js';
import { routesOf } from './routes-of.js';

/** Wraps what handlers return, as many applications do. */
@Injectable()
class Wrapping implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data, wrapped: true })));
  }
}

/** Takes nothing, as a ValidationPipe does where it knows no class. */
@Injectable()
class RefusingPipe implements PipeTransform {
  transform(): never {
    throw new BadRequestException('No property is whitelisted.');
  }
}

@Injectable()
class Roles {
  readonly right = 'write' as const;
}

@Module({ providers: [Roles], exports: [Roles] })
class RolesModule {}

/** Lives for one request, as services with the request in them do. */
@Injectable({ scope: Scope.REQUEST })
class RequestAccess implements TasksDashboardAccess {
  constructor(private readonly roles: Roles) {}

  accessOf() {
    return this.roles.right;
  }

  userOf() {
    return Promise.resolve('ada');
  }
}

/** Sets headers before all routes, as helmet does. */
function helmetLike(app: INestApplication): void {
  app.use((_request: unknown, response: http.ServerResponse, next: () => void) => {
    response.setHeader('content-security-policy', "default-src 'self' 'unsafe-inline'");
    response.setHeader('referrer-policy', 'origin');
    response.setHeader('x-request-id', 'r-1');
    next();
  });
}

describe.each(ADAPTERS)('the routes of the dashboard (%s)', (_name, adapter) => {
  it.each([
    ['/tasks', 'tasks/overview'],
    ['/tasks?range=1h', 'tasks/overview'],
  ])('lead from %s to the overview, wherever a proxy puts them', async (path, location) => {
    await using dashboard = await startDashboard({ adapter });
    const { status, headers } = await ask(dashboard.url, path);
    expect([status, headers.location]).toEqual([302, location]);
    const page = new URL(location, new URL(path, 'https://proxy.example/ops/app/')).pathname;
    expect(page).toBe('/tasks/overview');
  });

  it('stand below a prefix, and need no version', async () => {
    await using dashboard = await startDashboard({
      adapter,
      dashboard: { path: 'admin/jobs', unprotected: true },
      setUp: (app) => {
        app.setGlobalPrefix('api');
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      },
    });
    const { url } = dashboard;
    expect(await ask(url, '/api/admin/jobs')).toMatchObject({ status: 302, headers: { location: 'jobs/overview' } });
    expect(await ask(url, '/api/admin/jobs/now')).toMatchObject({ status: 200, body: INDEX });
    expect(await ask(url, '/api/admin/jobs/api/v1/strikes')).toMatchObject({ status: 200, body: '[]' });
    expect(await ask(url, '/api/v1/admin/jobs/now')).toMatchObject({ status: 404 });
    expect(await ask(url, '/tasks')).toMatchObject({ status: 404 });
    for (const { method, path } of routesOf(dashboard.app, 'admin/jobs')) {
      const { status } = await ask(url, `/api${path}`, { method, headers: ACTION_HEADERS, body: '{}' });
      expect([path, status]).not.toEqual([path, 404]);
    }
  });

  it('are not touched by interceptors and pipes of the application', async () => {
    await using dashboard = await startDashboard({
      adapter,
      metadata: { providers: [{ provide: APP_INTERCEPTOR, useClass: Wrapping }] },
      setUp: (app) => app.useGlobalPipes(new RefusingPipe()),
    });
    const { url } = dashboard;
    expect(await ask(url, '/tasks/api/v1/strikes?unknown=1')).toMatchObject({ status: 200, body: '[]' });
    expect(await ask(url, '/tasks/now')).toMatchObject({ status: 200, body: INDEX });
    expect(await act(url, 'pause', { reason: 'tests' })).toMatchObject({ status: 200, body: '{"result":"paused"}' });
    expect((await ask(url, '/tasks/api/v1/stream?view=strikes')).body).toContain('event: ');
  });

  it('replace what helmet sets, and keep other headers', async () => {
    await using dashboard = await startDashboard({ adapter, setUp: helmetLike });
    for (const path of ['/tasks/now', '/tasks/api/v1/now', '/tasks/api/v1/stream?view=now', '/tasks/assets/none']) {
      const { headers } = await ask(dashboard.url, path);
      expect([path, headers]).toEqual([
        path,
        expect.objectContaining({
          'content-security-policy': expect.stringMatching(/^default-src 'none'; (?!.*unsafe)/),
          'referrer-policy': 'no-referrer',
          'x-request-id': 'r-1',
        }),
      ]);
    }
  });

  it('serve the files of the page, and no others', async () => {
    await using dashboard = await startDashboard({ adapter });
    const { url } = dashboard;
    const types = {
      'app.js': 'text/javascript; charset=utf-8',
      'app.css': 'text/css; charset=utf-8',
      'icon.svg': 'image/svg+xml',
    };
    for (const [name, type] of Object.entries(types)) {
      const { status, body, headers } = await ask(url, `/tasks/assets/${name}`);
      expect([status, body, headers['content-type']]).toEqual([200, `/* ${name} */`, type]);
    }
    for (const name of [
      'licences.txt',
      'constructor',
      '__proto__',
      '..%2findex.html',
      '..%2fsecret.txt',
      '%2e%2e%2fsecret.txt',
      '..%5csecret.txt',
      'app.js%00',
    ]) {
      const { status, body } = await ask(url, `/tasks/assets/${name}`);
      expect([name, status]).toEqual([name, 404]);
      expect(body).not.toMatch(/secret of|doctype/);
    }
    expect((await ask(url, '/tasks/assets/../secret.txt')).body).not.toContain('secret of');
  });

  it('send a file once to a browser that keeps it', async () => {
    await using dashboard = await startDashboard({ adapter });
    for (const path of ['/tasks/assets/app.js', '/tasks/overview']) {
      const first = await ask(dashboard.url, path);
      const tag = String(first.headers.etag);
      expect(tag).toMatch(/^"[\w-]{20,}"$/);
      for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
        const { status, body } = await ask(dashboard.url, path, { headers: { 'if-none-match': known } });
        expect([status, body]).toEqual([304, '']);
      }
      expect(await ask(dashboard.url, path, { headers: { 'if-none-match': '"other"' } })).toMatchObject({
        status: 200,
        body: first.body,
      });
    }
  });

  it('answer HEAD without a body, also for the stream', async () => {
    await using dashboard = await startDashboard({ adapter });
    for (const path of ['/tasks/now', '/tasks/api/v1/now', '/tasks/api/v1/stream?view=now']) {
      const { status, body } = await ask(dashboard.url, path, { method: 'HEAD' });
      expect([path, status, body]).toEqual([path, 200, '']);
    }
  });

  it('take access that lives for one request, from a module of its own', async () => {
    await using dashboard = await startDashboard({
      adapter,
      dashboard: { access: RequestAccess, imports: [RolesModule] },
    });
    expect(await act(dashboard.url, 'pause')).toMatchObject({ status: 200 });
    expect(dashboard.logs.matching('Dashboard: ada pauses the queue')).toHaveLength(1);
    expect((await ask(dashboard.url, '/tasks/api/v1/stream?view=now')).body).toContain('event: ');
  });

  it('find a tasks module that is not global', async () => {
    await using dashboard = await startDashboard({ adapter, tasks: { isGlobal: false } as object });
    expect(await ask(dashboard.url, '/tasks/api/v1/strikes')).toMatchObject({ status: 200 });
  });

  it('read bodies where the application parses none', async () => {
    await using dashboard = await startDashboard({ adapter, application: { bodyParser: false } });
    expect(await act(dashboard.url, 'pause', { reason: 'tests' })).toMatchObject({ status: 200 });
    expect(await dashboard.queue.isPaused()).toBe(true);
    const broken = await ask(dashboard.url, '/tasks/api/v1/pause', {
      method: 'POST',
      headers: ACTION_HEADERS,
      body: '{"reason":',
    });
    expect(broken.status).toBe(400);
  });
});

describe.each([
  [
    'express',
    () => new ExpressAdapter(),
    (app: INestApplication) => void (app as NestExpressApplication).set('trust proxy', true),
  ],
  ['fastify', () => new FastifyAdapter({ trustProxy: true }), () => {}],
] as const)('an action through a proxy that the application trusts (%s)', (_name, adapter, setUp) => {
  it.each([
    ['tasks.example', 200],
    ['tasks.example:8443', 403],
    ['evil.example', 403],
  ])('is compared with the host that the proxy names: from %s it is %i', async (host, status) => {
    await using dashboard = await startDashboard({ adapter, setUp });
    const headers = { origin: `https://${host}`, 'x-forwarded-host': 'tasks.example', 'x-forwarded-proto': 'https' };
    expect(await act(dashboard.url, 'pause', {}, headers)).toMatchObject({ status });
  });
});

describe('a page with a slash at its end', () => {
  it.each([
    ['/tasks/', 'overview'],
    ['/tasks/executions/?state=failed', '../executions'],
  ])('leads from %s to where it finds its files', async (path, location) => {
    await using dashboard = await startDashboard();
    const { status, headers } = await ask(dashboard.url, path);
    expect([status, headers.location]).toEqual([302, location]);
  });
});

describe('an application with a dashboard', () => {
  it('does not start without the tasks module', async () => {
    const module = await Test.createTestingModule({ imports: [TasksDashboardModule.forRoot({ unprotected: true })] })
      .setLogger(new LogLines())
      .compile();
    await expect(module.init()).rejects.toThrow(usageError('TASKS_MODULE_MISSING'));
  });
});
