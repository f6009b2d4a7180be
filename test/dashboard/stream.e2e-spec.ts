import http from 'node:http';
import { once } from 'node:events';
import { Injectable, type ExecutionContext } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError, type TaskQueue } from 'nestjs-tasks';
import type { TasksDashboardAccess, TasksDashboardRight } from 'nestjs-tasks/dashboard';
import { ADAPTERS, startApp } from '../support/app.js';
import { during, until } from '../support/until.js';
import { ask, startDashboard } from './dashboard-app.js';
import { openStream } from './stream-client.js';

/** Looks in quick succession. */
const QUICK = { fast: 20, slow: 20 };

/** Rights of the test's users; without one, nobody may look. */
const rights = new Map<string, TasksDashboardRight>();

@Injectable()
class NamedAccess implements TasksDashboardAccess {
  accessOf(context: ExecutionContext): TasksDashboardRight {
    return rights.get(this.userOf(context)) ?? 'none';
  }

  userOf(context: ExecutionContext): string {
    return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-user'] ?? '';
  }
}

/** Counts the looks at strikes, and lets a test break them. */
function watchLooks(queue: TaskQueue) {
  return jest.spyOn(queue, 'strikes');
}

afterEach(() => rights.clear());

describe.each(ADAPTERS)('the event stream (%s)', (_name, adapter) => {
  it('sends the view and the summary at once, and what has changed', async () => {
    await using dashboard = await startDashboard({ adapter, times: QUICK });
    using client = await openStream(dashboard.url, 'view=strikes');
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    await client.heard('view', (strikes: unknown[]) => strikes.length === 0);
    await client.heard('summary', ({ access }: { access: string }) => access === 'write');
    await dashboard.queue.strike('anything', { reason: 'tests' });
    await client.heard('view', ([strike]: { reason?: string }[]) => strike?.reason === 'tests');
    await dashboard.queue.pause({ reason: 'deploy' });
    await client.heard('summary', ({ pause }: { pause?: { reason: string } }) => pause?.reason === 'deploy');
  });

  it('says nothing while nothing changes', async () => {
    await using dashboard = await startDashboard({ adapter, times: QUICK });
    const looks = watchLooks(dashboard.queue);
    using client = await openStream(dashboard.url, 'view=strikes');
    await client.heard('view');
    await until(() => looks.mock.calls.length > 5, 'more looks');
    expect(client.events.filter(({ event }) => event === 'view')).toHaveLength(1);
  });

  it('tells each user the own rights, from one look', async () => {
    rights.set('ada', 'write').set('bob', 'read');
    await using dashboard = await startDashboard({ adapter, times: QUICK, dashboard: { access: NamedAccess } });
    using ada = await openStream(dashboard.url, 'view=strikes', { 'x-user': 'ada' });
    using bob = await openStream(dashboard.url, 'view=strikes', { 'x-user': 'bob' });
    expect(await ada.heard('summary')).toMatchObject({ data: { access: 'write', user: 'ada', attention: [] } });
    expect(await bob.heard('summary')).toMatchObject({ data: { access: 'read', user: 'bob', attention: [] } });
  });

  it('tells an outage once, and its end', async () => {
    await using dashboard = await startDashboard({ adapter, times: QUICK });
    using client = await openStream(dashboard.url, 'view=strikes');
    await client.heard('view');
    const looks = watchLooks(dashboard.queue);
    looks.mockRejectedValue(new BrokerUnavailableError('Redis', 'connect ECONNREFUSED'));
    await client.heard('outage', ({ message }: { message: string }) => message.startsWith('Redis is unreachable'));
    const before = looks.mock.calls.length;
    await until(() => looks.mock.calls.length > before + 3, 'more looks');
    expect(client.events.filter(({ event }) => event === 'outage')).toHaveLength(1);
    const views = client.events.filter(({ event }) => event === 'view').length;
    looks.mockRestore();
    await until(() => client.events.filter(({ event }) => event === 'view').length > views, 'the same view again');
    expect(client.isOver).toBe(false);
  });

  it('ends a view of an execution that is gone', async () => {
    await using dashboard = await startDashboard({ adapter, times: QUICK });
    using client = await openStream(dashboard.url, 'view=execution&key=nothing');
    await client.heard('gone');
    expect(await client.ended()).toBe(true);
  });

  it.each([
    ['a view that does not exist', 'view=constructor', "view is 'constructor'. Pass summary, overview"],
    ['no view', '', 'view is empty'],
    ['a query that cannot be used', 'view=executions&limit=900', "limit is '900'. Pass a whole number from 1 to 200"],
    ['an execution without a key', 'view=execution', 'key is missing'],
  ])('refuses %s', async (_what, query, message) => {
    await using dashboard = await startDashboard({ adapter, times: QUICK });
    using client = await openStream(dashboard.url, query);
    const { data } = await client.heard('refused');
    expect(data).toEqual({ statusCode: 400, message: expect.stringContaining(message) });
    await client.ended();
  });

  it('ends when the right is revoked, and does not come back', async () => {
    rights.set('ada', 'read');
    const times = { ...QUICK, comment: 100, farewell: 50 };
    await using dashboard = await startDashboard({ adapter, times, dashboard: { access: NamedAccess } });
    using client = await openStream(dashboard.url, 'view=strikes', { 'x-user': 'ada' });
    await client.heard('view');
    rights.delete('ada');
    await client.heard('renew');
    await client.ended();
    expect(client.others).toEqual(['retry: 1000', ':']);
    const again = await ask(dashboard.url, '/tasks/api/v1/stream?view=strikes', { headers: { 'x-user': 'ada' } });
    expect(again.status).toBe(403);
  });

  it('looks at nothing while nobody looks', async () => {
    await using dashboard = await startDashboard({ adapter, times: QUICK });
    const looks = watchLooks(dashboard.queue);
    expect(await ask(dashboard.url, '/tasks/strikes')).toMatchObject({ status: 200 });
    await during(200, () => {});
    expect(looks).not.toHaveBeenCalled();
    const client = await openStream(dashboard.url, 'view=strikes');
    await until(() => looks.mock.calls.length > 2, 'looks');
    client[Symbol.dispose]();
    // One may be under way, and the server hears of the end a moment later.
    await until(async () => {
      const before = looks.mock.calls.length;
      await during(200, () => {});
      return looks.mock.calls.length === before;
    }, 'the end of the looks');
  });

  it('looks once for all pages that show the same', async () => {
    await using dashboard = await startDashboard({ adapter, times: { ...QUICK, slow: 200 } });
    const looks = watchLooks(dashboard.queue);
    const start = performance.now();
    const clients = await Promise.all(Array.from({ length: 20 }, () => openStream(dashboard.url, 'view=strikes')));
    await dashboard.queue.strike('anything');
    await Promise.all(clients.map((client) => client.heard('view', (strikes: unknown[]) => strikes.length === 1)));
    await until(() => looks.mock.calls.length > 3, 'more looks');
    expect(looks.mock.calls.length).toBeLessThanOrEqual((performance.now() - start) / 200 + 2);
    for (const client of clients) client[Symbol.dispose]();
  });

  it('has a limit of streams', async () => {
    await using dashboard = await startDashboard({ adapter });
    const clients = await Promise.all(Array.from({ length: 200 }, () => openStream(dashboard.url, 'view=now')));
    const { status, body, headers } = await ask(dashboard.url, '/tasks/api/v1/stream?view=now');
    expect([status, JSON.parse(body), headers['retry-after']]).toEqual([
      503,
      { statusCode: 503, error: 'Service Unavailable', message: expect.stringContaining('200 event streams') },
      '5',
    ]);
    for (const client of clients) client[Symbol.dispose]();
    await until(async () => {
      const { status: now } = await ask(dashboard.url, '/tasks/api/v1/stream?view=now');
      return now === 200;
    }, 'room for a stream');
  });

  it('holds no shutdown, also beside connections that are kept alive', async () => {
    const agent = new http.Agent({ keepAlive: true });
    const without = await startApp({}, {}, adapter);
    const plain = await timeToClose(without, agent);
    const dashboard = await startDashboard({ adapter });
    using client = await openStream(dashboard.url, 'view=now');
    using other = await openStream(dashboard.url, 'view=strikes');
    await Promise.all([client.heard('view'), other.heard('view')]);
    const taken = await timeToClose(dashboard, agent);
    await Promise.all([client.heard('closing'), other.heard('closing')]);
    expect(client.events.at(-1)?.event).toBe('closing');
    // The time of a busy machine beside that of a server which waits for its connections.
    expect(taken - plain).toBeLessThan(1_500);
    agent.destroy();
  });

  it('cuts off a client that does not read, at shutdown', async () => {
    const dashboard = await startDashboard({ adapter, times: QUICK });
    const request = http.request(`${dashboard.url}/tasks/api/v1/stream?view=strikes`, { agent: false }).end();
    request.on('error', () => {});
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.on('error', () => {});
    response.pause();
    const start = performance.now();
    await dashboard.app.close();
    expect(performance.now() - start).toBeLessThan(3_000);
    request.destroy();
  });
});

/** Closes the application beside a client with an idle connection. @returns milliseconds */
async function timeToClose(
  { app, url }: { app: { close(): Promise<void> }; url: string },
  agent: http.Agent,
): Promise<number> {
  const [response] = (await once(http.get(`${url}/nothing`, { agent }), 'response')) as [http.IncomingMessage];
  for await (const _ of response);
  const start = performance.now();
  await app.close();
  return performance.now() - start;
}
