import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
  type Provider,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Durable, type TaskQueue } from 'nestjs-tasks';
import type { TasksDashboardAccess, TasksDashboardOptions, TasksDashboardRight } from 'nestjs-tasks/dashboard';
import { ADAPTERS } from '../support/app.js';
import { until } from '../support/until.js';
import { ACTION_HEADERS, ask, startDashboard, type DashboardApp } from './dashboard-app.js';
import { routesOf, type DashboardRoute } from './routes-of.js';

@Injectable()
class Refusing implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException('Sign in first.');
  }
}

@Injectable()
class Shop {
  @Durable()
  async charge(): Promise<void> {}
}

/** Access that a header names, as far as a test wants it. */
@Injectable()
class HeaderAccess implements TasksDashboardAccess {
  accessOf(context: ExecutionContext): TasksDashboardRight {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers['x-right'] === 'throws') throw new UnauthorizedException('Your session is over.');
    if (headers['x-right'] === 'breaks') throw new TypeError('no database: password hunter2');
    return headers['x-right'] as TasksDashboardRight;
  }
}

const BODIES: Readonly<Record<string, object>> = {
  cancel: { key: 'waits' },
  retry: { key: 'ended' },
  forget: { key: 'ended' },
  'run-now': { key: 'waits' },
  'retry-all': { state: ['cancelled'] },
  'forget-all': { state: ['cancelled'] },
  clear: {},
  pause: {},
  resume: {},
  strike: { task: 'Shop.charge' },
  restore: { task: 'Shop.charge' },
};

/** An action that would do something, made by hand. */
function bodyOf(path: string): string {
  const action = path.slice(path.lastIndexOf('/') + 1);
  expect(BODIES).toHaveProperty(action);
  return JSON.stringify(BODIES[action]);
}

function send(url: string, { method, path }: DashboardRoute, headers: Record<string, string> = {}) {
  return method === 'GET'
    ? ask(url, path, { headers })
    : ask(url, path, { method, headers: { ...ACTION_HEADERS, ...headers }, body: bodyOf(path) });
}

/** Starts an application whose queue has one execution that waits and one that has ended. */
async function start(
  adapter: (typeof ADAPTERS)[number][1],
  dashboard: TasksDashboardOptions,
  providers: readonly Provider[] = [],
): Promise<DashboardApp> {
  const started = await startDashboard({
    adapter,
    dashboard,
    metadata: { providers: [Shop, ...providers] },
    tasks: { queue: { worker: false } },
  });
  await started.queue.add('Shop.charge', { key: 'waits', when: '1h' })();
  await started.queue.add('Shop.charge', { key: 'ended', when: '1h' })();
  await started.queue.cancel('ended');
  return started;
}

/** All that an action could change. */
async function stateOf(queue: TaskQueue): Promise<unknown> {
  const [waits, ended, strikes, isPaused, all] = await Promise.all([
    queue.get('waits'),
    queue.get('ended'),
    queue.strikes(),
    queue.isPaused(),
    queue.snapshot(),
  ]);
  return JSON.stringify({
    waits: [waits?.state, waits?.when],
    ended: ended?.state,
    strikes: strikes.length,
    isPaused,
    live: all.executions.map(({ key }) => key).toSorted(),
  });
}

interface Answers {
  readonly answers: readonly (DashboardRoute & { readonly status: number; readonly message: unknown })[];
  readonly isUnchanged: boolean;
}

/** Asks all of these routes, and tells if that has changed anything. */
async function askAll(
  { url, queue }: DashboardApp,
  routes: readonly DashboardRoute[],
  headers: Record<string, string> = {},
): Promise<Answers> {
  const before = await stateOf(queue);
  const answers = [];
  for (const route of routes) {
    const { status, body } = await send(url, route, headers);
    answers.push({ ...route, status, message: (JSON.parse(body) as { message: unknown }).message });
  }
  return { answers, isUnchanged: (await stateOf(queue)) === before };
}

function refused(routes: readonly DashboardRoute[], status: number, message: unknown): Answers {
  if (routes.length < 10) throw new RangeError(`Only ${routes.length} routes were found`);
  return { answers: routes.map((route) => ({ ...route, status, message })), isUnchanged: true };
}

function actionsOf(routes: readonly DashboardRoute[]): DashboardRoute[] {
  return routes.filter(({ method }) => method === 'POST');
}

describe.each(ADAPTERS)('access to the dashboard (%s)', (_name, adapter) => {
  it('knows all routes from the router', async () => {
    await using dashboard = await start(adapter, { unprotected: true });
    const paths = routesOf(dashboard.app).map(({ method, path }) => `${method} ${path}`);
    expect(paths).toHaveLength(37);
    expect(paths).toEqual(
      expect.arrayContaining([
        'GET /tasks',
        'GET /tasks/now',
        'GET /tasks/assets/app.js',
        'GET /tasks/api/v1/summary',
        'GET /tasks/api/v1/stream?view=now',
        'POST /tasks/api/v1/retry-all',
      ]),
    );
  });

  it.each([
    ['a global guard', { unprotected: true }, [{ provide: APP_GUARD, useClass: Refusing }]],
    ['a route guard', { guards: [Refusing] }, []],
    ['a global guard before access', { access: HeaderAccess }, [{ provide: APP_GUARD, useClass: Refusing }]],
  ])('lets %s refuse every route as it says', async (_guard, options, providers) => {
    await using dashboard = await start(adapter, options, providers);
    const routes = routesOf(dashboard.app);
    expect(await askAll(dashboard, routes)).toEqual(refused(routes, 401, 'Sign in first.'));
  });

  describe('with access', () => {
    let dashboard: DashboardApp;
    let routes: DashboardRoute[];
    beforeAll(async () => {
      dashboard = await start(adapter, { access: HeaderAccess });
      routes = routesOf(dashboard.app);
    });
    afterAll(() => dashboard.app.close());

    it("refuses every route with 'none'", async () => {
      expect(await askAll(dashboard, routes, { 'x-right': 'none' })).toEqual(
        refused(routes, 403, 'This dashboard is not open to you.'),
      );
    });

    it('refuses every route with a right that does not exist, and logs it', async () => {
      expect(await askAll(dashboard, routes, { 'x-right': 'admin' })).toEqual(
        refused(routes, 403, 'This dashboard is not open to you.'),
      );
      expect(dashboard.logs.matching('accessOf() of HeaderAccess returned a string')).toHaveLength(routes.length);
    });

    it('passes on what accessOf() throws', async () => {
      expect(await askAll(dashboard, routes, { 'x-right': 'throws' })).toEqual(
        refused(routes, 401, 'Your session is over.'),
      );
    });

    it('answers another error of accessOf() with 500, and does not show it', async () => {
      expect(await askAll(dashboard, routes, { 'x-right': 'breaks' })).toEqual(
        refused(routes, 500, 'Internal server error'),
      );
    });

    it("refuses every action with 'read'", async () => {
      const actions = actionsOf(routes);
      expect(await askAll(dashboard, actions, { 'x-right': 'read' })).toEqual(
        refused(actions, 403, 'You may look at this dashboard, and not act.'),
      );
    });

    it("lets 'read' see all, and changes nothing by it", async () => {
      const before = await stateOf(dashboard.queue);
      for (const route of routes.filter(({ method }) => method === 'GET')) {
        const { status } = await send(dashboard.url, route, { 'x-right': 'read' });
        expect([route.path, status]).toEqual([route.path, expectedStatus(route)]);
      }
      expect(await stateOf(dashboard.queue)).toBe(before);
    });

    it.each([
      ['without the header', { 'x-nestjs-tasks': '' }, 'An action needs the header x-nestjs-tasks: 1.'],
      [
        'of a form',
        { 'content-type': 'application/x-www-form-urlencoded' },
        'An action needs the content-type application/json.',
      ],
      ['of text', { 'content-type': 'text/plain' }, 'An action needs the content-type application/json.'],
      ['of another site', { 'sec-fetch-site': 'cross-site' }, expect.stringContaining('(sec-fetch-site)')],
      ['of a neighbour site', { 'sec-fetch-site': 'same-site' }, expect.stringContaining('(sec-fetch-site)')],
      ['of the address bar', { 'sec-fetch-site': 'none' }, expect.stringContaining('(sec-fetch-site)')],
      [
        'of a foreign origin',
        { origin: 'https://evil.example' },
        expect.stringContaining('its Origin is not the Host'),
      ],
      ['of a hidden origin', { origin: 'null' }, expect.stringContaining('its Origin is not the Host')],
      [
        'of a foreign origin that names itself as the proxied host',
        { origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' },
        expect.stringContaining('its Origin is not the Host'),
      ],
    ])('refuses every action %s', async (_kind, headers, message) => {
      const actions = actionsOf(routes);
      const answers = await askAll(dashboard, actions, { 'x-right': 'write', ...headers });
      expect(answers).toEqual(refused(actions, 403, message));
    });

    it.each([
      ['of its own page', () => ({ 'sec-fetch-site': 'same-origin', origin: dashboard.url })],
      ['of its own origin', () => ({ origin: dashboard.url.toUpperCase().replace('HTTP', 'http') })],
      ['of a program', () => ({})],
    ])('takes an action %s', async (_kind, headers) => {
      const route = { method: 'POST', path: '/tasks/api/v1/pause' } as const;
      const { status, body } = await send(dashboard.url, route, { 'x-right': 'write', ...headers() });
      expect([status, JSON.parse(body)]).toEqual([200, { result: 'paused' }]);
      await until(() => dashboard.queue.isPaused(), 'the pause');
      await dashboard.queue.resume();
    });

    it('protects every answer by its headers', async () => {
      for (const route of routes) {
        const { headers } = await send(dashboard.url, route, { 'x-right': 'read' });
        expect([route.path, headers]).toEqual([
          route.path,
          expect.objectContaining({
            'content-security-policy':
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            'x-content-type-options': 'nosniff',
            'referrer-policy': 'no-referrer',
            'cross-origin-resource-policy': 'same-origin',
            'cache-control': expect.stringMatching(/^(no-store|no-store, no-transform|private, no-cache)$/),
          }),
        ]);
      }
    });
  });
});

function expectedStatus({ path }: DashboardRoute): number {
  if (path === '/tasks') return 302;
  return path.endsWith('/api/v1/execution') ? 400 : 200;
}
