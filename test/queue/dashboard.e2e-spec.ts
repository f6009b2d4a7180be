import { Injectable } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { ConcurrencyLimit, Durable, Logged, Perpetual, TaskContext, type TaskQueue } from 'nestjs-tasks';
import type {
  ActionResult,
  ExecutionDetail,
  ExecutionPage,
  FailureView,
  LimitView,
  NowView,
  OverviewView,
  ScheduleView,
  StatsView,
  StrikeView,
  SummaryView,
  TaskView,
  WorkerView,
} from '../../lib/operations/api.js';
import { act, ask, startDashboard, view, type DashboardApp } from '../dashboard/dashboard-app.js';
import { routesOf } from '../dashboard/routes-of.js';
import { openStream } from '../dashboard/stream-client.js';
import { BROKERS, brokerSpace, SHARED_BROKERS, type BrokerSpace } from '../support/brokers.js';
import { Turnstile } from '../support/turnstile.js';
import { until } from '../support/until.js';
import { Proxy } from './faults/proxy.js';

jest.setTimeout(60_000);

/** In arguments that are not logged, and in results. */
const SECRET = 'hunter2-4111-1111';

@Injectable()
class Shop {
  constructor(
    readonly inside: Turnstile,
    private readonly context: TaskContext,
  ) {}

  @Durable('shop.charge')
  charge(@Logged() orderId: string, card: string): string {
    this.context.logger.log(`charging ${orderId}`);
    return card;
  }

  @Durable('shop.fail')
  fail(card: string): never {
    if (card === '') throw new RangeError('empty');
    throw new Error('declined');
  }

  @Durable('shop.hold')
  async hold(@ConcurrencyLimit(1) card: string, name: string): Promise<string> {
    await this.inside.stay(name, this.context.signal);
    return card;
  }

  @Perpetual({ every: '1h' })
  @Durable('shop.tick')
  async tick(): Promise<void> {}
}

function start(space: BrokerSpace, url = space.kind.url): Promise<DashboardApp> {
  return startDashboard({
    metadata: { providers: [Shop, Turnstile] },
    tasks: { queue: { ...space.options(space.newQueue()), url, logs: 10, worker: { lease: 2_000 } } },
    times: { fast: 50, slow: 50 },
  });
}

async function stateOf(queue: TaskQueue, key: string): Promise<string | undefined> {
  return (await queue.get(key))?.state;
}

function reached(queue: TaskQueue, key: string, state: string): Promise<unknown> {
  return until(async () => (await stateOf(queue, key)) === state, `${key} to be ${state}`);
}

/** Fills the queue with executions of all kinds. */
async function fill({ app, queue }: DashboardApp): Promise<void> {
  const shop = app.get(Shop);
  await (await queue.add(shop.charge, { key: 'done' })('order-7', SECRET)).result();
  await queue.add(shop.fail, { key: 'failed' })(SECRET);
  await reached(queue, 'failed', 'failed');
  await queue.add(shop.hold, { key: 'holder' })(SECRET, 'holder');
  await until(() => shop.inside.names.includes('holder'), 'the holder to run');
  await queue.add(shop.hold, { key: 'waiter' })(SECRET, 'waiter');
  await reached(queue, 'waiter', 'parked');
  await queue.add(shop.charge, { key: 'later', when: '1h' })('order-8', SECRET);
  await queue.add(shop.tick, { key: 'tick', when: '30m' })();
}

describe.each(BROKERS)('the dashboard on $label', (kind) => {
  const space = brokerSpace(kind);

  it('shows what there is in each view, and no argument that is not logged', async () => {
    await using dashboard = await start(space);
    const { app, queue, url } = dashboard;
    await fill(dashboard);
    await queue.strike('shop.fail', { reason: 'partner is down', mode: 'hold' });

    const { executions } = await view<ExecutionPage>(url, 'executions');
    const states = Object.fromEntries(executions.map(({ key, state }) => [key, state]));
    expect(states).toEqual({
      done: 'completed',
      failed: 'failed',
      holder: 'running',
      waiter: 'parked',
      later: 'scheduled',
      tick: 'scheduled',
    });
    const page = await view<ExecutionPage>(url, 'executions?state=failed,completed&task=shop.fail');
    expect(page.executions).toEqual([
      expect.objectContaining({ key: 'failed', error: { name: 'Error', message: 'declined' } }),
    ]);
    expect(await view(url, 'count?state=failed')).toEqual({ count: 1 });
    const first = await view<ExecutionPage>(url, 'executions?limit=2');
    expect(first.executions).toHaveLength(2);
    const second = await view<ExecutionPage>(
      url,
      `executions?limit=200&cursor=${encodeURIComponent(first.cursor ?? '')}`,
    );
    expect(new Set([...first.executions, ...second.executions].map(({ key }) => key)).size).toBe(6);

    const detail = await view<ExecutionDetail>(url, 'execution?key=done');
    expect(detail).toMatchObject({ task: 'shop.charge', state: 'completed', attempt: 1 });
    expect(detail.call).toContain('order-7');
    expect(detail.logs).toEqual([expect.objectContaining({ message: expect.stringContaining('charging order-7') })]);
    const failed = await view<ExecutionDetail>(url, 'execution?key=failed');
    expect(failed.error).toMatchObject({ name: 'Error', message: 'declined', stack: expect.stringContaining('fail') });
    expect((await ask(url, '/tasks/api/v1/execution?key=nothing')).status).toBe(404);

    expect(await view<FailureView[]>(url, 'failures?since=1h')).toEqual([
      expect.objectContaining({ task: 'shop.fail', count: 1, example: 'failed' }),
    ]);
    const from = async (time: number): Promise<number> => {
      const groups = await view<FailureView[]>(url, `failures?since=${new Date(time).toISOString()}`);
      return groups.length;
    };
    expect([await from(Date.now() - 3_600_000), await from(Date.now() + 3_600_000)]).toEqual([1, 0]);
    expect(await view<StatsView>(url, 'stats')).toMatchObject({ total: { running: 1, parked: 1, scheduled: 2 } });
    expect(await view<OverviewView>(url, 'overview?range=24h')).toMatchObject({ range: '24h', workers: 1 });
    const tasks = await view<TaskView[]>(url, 'tasks');
    expect(tasks.find(({ name }) => name === 'shop.hold')).toMatchObject({ isDeclared: true, depth: { running: 1 } });
    expect(await view<ScheduleView[]>(url, 'schedules')).toEqual([
      expect.objectContaining({ task: 'shop.tick', key: 'tick', schedule: 'every 1h' }),
    ]);
    expect(await view<StrikeView[]>(url, 'strikes')).toEqual([
      expect.objectContaining({ task: 'shop.fail', mode: 'hold', reason: 'partner is down' }),
    ]);
    const [limit] = await view<LimitView[]>(url, 'limits');
    expect(limit).toMatchObject({
      owner: 'shop.hold',
      parameter: 'card',
      max: 1,
      holders: ['holder'],
      waiters: ['waiter'],
    });
    expect(limit).not.toHaveProperty('value');
    // A process that was starved for two leases announces itself again.
    const workers = await until(async () => {
      const present = await view<WorkerView[]>(url, 'workers');
      return present.length > 0 && present;
    }, 'the worker');
    expect(workers).toEqual([expect.objectContaining({ pid: process.pid, running: 1 })]);
    expect(await view<NowView>(url, 'now')).toMatchObject({ pid: process.pid, running: 0, tasks: [] });
    const place = { memory: 'in memory', redis: 'on Redis', postgres: 'on PostgreSQL' }[kind.label];
    expect(await view<SummaryView>(url, 'summary')).toMatchObject({
      queue: expect.stringMatching(new RegExp(`^q\\d+ ${place}$`)),
      access: 'write',
      version: '0.0.0',
    });

    for (const { method, path } of routesOf(app)) {
      if (method !== 'GET') continue;
      const query = path.endsWith('/execution') ? '?key=holder' : '';
      const { body } = await ask(url, `${path}${query}`);
      expect([path, body]).toEqual([path, expect.not.stringContaining(SECRET)]);
    }
    await queue.restore('shop.fail');
    app.get(Shop).inside.open();
  });

  it('acts, with one line for each action', async () => {
    await using dashboard = await start(space);
    const { app, queue, url, logs } = dashboard;
    await fill(dashboard);
    const done = async (action: string, body: object = {}): Promise<ActionResult> => {
      const { status, body: text } = await act(url, action, body);
      expect([action, status, text]).toEqual([action, 200, expect.any(String)]);
      return JSON.parse(text) as ActionResult;
    };

    expect(await done('cancel', { key: 'waiter', reason: 'not wanted' })).toEqual({ result: 'cancelled' });
    expect(await stateOf(queue, 'waiter')).toBe('cancelled');
    expect(await done('cancel', { key: 'holder' })).toEqual({ result: 'signalled' });
    await reached(queue, 'holder', 'cancelled');
    await done('run-now', { key: 'later' });
    await reached(queue, 'later', 'completed');
    const strike = { task: 'shop.fail', parameter: 'card', operator: '==', value: SECRET };
    expect(await done('strike', { ...strike, mode: 'hold', expiresIn: '1h' })).toEqual({ result: 'struck' });
    expect(await done('retry', { key: 'failed' })).toEqual({ result: 'retried' });
    await reached(queue, 'failed', 'parked');
    expect(await done('restore', strike)).toEqual({ result: 'restored' });
    await reached(queue, 'failed', 'failed');
    expect(await done('pause', { reason: 'deploy' })).toEqual({ result: 'paused' });
    expect(await queue.isPaused()).toBe(true);
    expect(await done('resume')).toEqual({ result: 'resumed' });
    expect(await done('resume')).toEqual({ result: 'not-paused' });
    const again = await done('retry-all', { state: ['failed'], task: 'shop.fail', perSecond: 100 });
    expect(again).toMatchObject({ result: 'added', count: 1, execution: { key: expect.any(String) } });
    await reached(queue, again.execution!.key, 'completed');
    await reached(queue, 'failed', 'failed');
    expect(await done('forget', { key: 'done' })).toEqual({ result: 'forgotten' });
    expect(await done('forget', { key: 'done' })).toEqual({ result: 'not-found' });
    const all = await done('forget-all', { state: ['failed', 'cancelled'] });
    expect(all.count).toBe(3);
    await reached(queue, all.execution!.key, 'completed');
    await until(async () => (await queue.get('failed')) === undefined, 'what failed to be gone');
    expect(await done('clear')).toEqual({ result: 'cleared', count: 1 });

    expect(logs.matching(SECRET)).toEqual([]);
    const lines = logs.matching('Dashboard: ').map((line) => line.replace(/ Tasks$/, ''));
    expect(lines).toEqual([
      'log Dashboard: someone cancels execution waiter: cancelled',
      'log Dashboard: someone cancels execution holder: signalled',
      expect.stringMatching(/^log Dashboard: someone runs execution later now: \S+$/),
      'log Dashboard: someone strikes executions of shop.fail with card == …: hold',
      'log Dashboard: someone retries execution failed: retried',
      'log Dashboard: someone restores executions of shop.fail with card == …: restored',
      'log Dashboard: someone pauses the queue',
      'log Dashboard: someone resumes the queue: resumed',
      'log Dashboard: someone resumes the queue: not-paused',
      `log Dashboard: someone retries 1 execution that match state=failed task=shop.fail, by execution ${again.execution!.key}`,
      'log Dashboard: someone forgets execution done: forgotten',
      'log Dashboard: someone forgets execution done: not-found',
      `log Dashboard: someone forgets 3 executions that match state=failed,cancelled, by execution ${all.execution!.key}`,
      'log Dashboard: someone clears the queue of 1 execution',
    ]);
    app.get(Shop).inside.open();
  });
});

describe.each(SHARED_BROKERS)('the dashboard while $label does not answer', (kind) => {
  const space = brokerSpace(kind);

  it('answers 503, and tells open pages of the outage and of its end', async () => {
    await using proxy = await new Proxy(kind.url).open();
    await using dashboard = await start(space, proxy.url);
    const { url } = dashboard;
    using client = await openStream(url, 'view=strikes');
    using other = await openStream(url, 'view=limits');
    await Promise.all([client.heard('view'), other.heard('view')]);
    proxy.cut();
    const { data } = await until(() => other.events.find(({ event }) => event === 'outage'), 'the outage', 30_000);
    expect(data).toEqual({ message: expect.stringContaining('is unreachable') });
    const { status, headers, body } = await ask(url, '/tasks/api/v1/limits');
    expect([status, headers['retry-after'], JSON.parse(body)]).toEqual([
      503,
      '5',
      { statusCode: 503, error: 'Service Unavailable', message: expect.stringContaining('is unreachable') },
    ]);
    const views = other.events.filter(({ event }) => event === 'view').length;
    await proxy.open();
    await until(() => other.events.filter(({ event }) => event === 'view').length > views, 'the view again', 30_000);
    expect(other.isOver).toBe(false);
  });
});
