import { Injectable, UnauthorizedException } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { BrokerUnavailableError, Durable, TaskScheduler } from 'nestjs-tasks';
import type { TasksDashboardAccess } from 'nestjs-tasks/dashboard';
import type { ApiError, NowView, StrikeView, SummaryView } from '../../lib/operations/api.js';
import { ADAPTERS, Gate, type AdapterFactory } from '../support/app.js';
import { act, ask, startDashboard, view } from './dashboard-app.js';

@Injectable()
class Shop {
  @Durable('shop.charge')
  async charge(_card: string): Promise<void> {}
}

/** Name of the user of a test, or its error. */
let user: unknown;

@Injectable()
class NamedAccess implements TasksDashboardAccess {
  accessOf() {
    return 'write' as const;
  }

  async userOf(): Promise<string | undefined> {
    if (user instanceof Error) throw user;
    return user as string | undefined;
  }
}

function start(adapter: AdapterFactory = ADAPTERS[0][1]) {
  return startDashboard({
    adapter,
    dashboard: { access: NamedAccess },
    metadata: { providers: [Shop] },
    tasks: { queue: { worker: false } },
  });
}

function linesOf({ logs }: Awaited<ReturnType<typeof start>>): string[] {
  return logs.matching('Dashboard: ').map((line) => line.replace(/ Tasks$/, ''));
}

describe.each(ADAPTERS)('actions of the dashboard (%s)', (_name, adapter) => {
  it.each([
    ['no object', 'pause', '"now"', 400],
    ['a list', 'pause', '[]', 400],
    ['no JSON', 'pause', '{"reason":', 400],
    [
      'a field that does not exist',
      'pause',
      '{"reasons":"x"}',
      "reasons is 'x'. Pass no such field: pause takes reason.",
    ],
    [
      'a field where none is taken',
      'clear',
      '{"task":"a"}',
      "task is 'a'. Pass no such field: clear takes an empty object.",
    ],
    ['no key', 'cancel', '{}', 'key is missing. Pass the key of an execution.'],
    ['an empty key', 'retry', '{"key":""}', 'key is empty. Pass the key of an execution.'],
    ['a key that is no text', 'forget', '{"key":{"$gt":""}}', 'key is an object. Pass the key of an execution.'],
    ['an id that no broker holds', 'forget', '{"key":"ended","id":"\\u0000"}', "id is '\\u0000'. Pass a text without"],
    ['a reason that is no text', 'cancel', '{"key":"a","reason":5}', 'reason is 5. Pass a text.'],
    [
      'a misspelled condition',
      'retry-all',
      '{"state":["failed"],"keyprefix":"a"}',
      "keyprefix is 'a'. Pass no such field",
    ],
    ['a state that does not exist', 'forget-all', '{"state":["gone"]}', 'state is'],
    ['a live state', 'retry-all', '{"state":["running"]}', "state is 'running'. Pass states of ended executions"],
    ['no condition', 'retry-all', '{}', ''],
    ['no condition', 'forget-all', '{"state":[]}', ''],
    [
      'a rate that is no number',
      'retry-all',
      '{"state":["failed"],"perSecond":"9"}',
      "perSecond is '9'. Pass a number.",
    ],
    ['no task', 'strike', '{}', 'task is missing. Pass the name of a task, or null for all tasks.'],
    ['all tasks without a condition', 'strike', '{"task":null}', ''],
    ['a condition without a value', 'strike', '{"task":"a","parameter":"b","operator":"=="}', 'value is missing'],
    ['a value that cannot be read', 'strike', '{"task":"a","parameter":"b","operator":"==","value":"int:x"}', 'x'],
    ['an operator that does not exist', 'strike', '{"task":"a","parameter":"b","operator":"~","value":"c"}', ''],
    ['a mode that does not exist', 'strike', '{"task":"a","mode":"kill"}', ''],
    ['a time that cannot be read', 'strike', '{"task":"a","expiresIn":"soon"}', ''],
    [
      'a time without its unit',
      'strike',
      '{"task":"a","expiresIn":"30"}',
      "expiresIn is '30'. Pass a duration with its unit",
    ],
    ['a reason that is too long', 'pause', JSON.stringify({ reason: 'x'.repeat(2_000) }), ''],
    ['__proto__', 'pause', '{"__proto__":{"reason":"x"}}', 400],
  ] as const)('refuse %s (%s %s)', async (_what, action, body, message) => {
    user = 'ada';
    await using dashboard = await start(adapter);
    await dashboard.queue.add('shop.charge', { key: 'waits', when: '1h' })('card');
    const headers = { 'content-type': 'application/json', 'x-nestjs-tasks': '1' };
    const answer = await ask(dashboard.url, `/tasks/api/v1/${action}`, { method: 'POST', headers, body });
    const error = JSON.parse(answer.body) as ApiError;
    expect([answer.status, error.statusCode]).toEqual([400, 400]);
    // The application's own parser refuses some of them.
    if (message !== 400)
      expect(error).toMatchObject({ error: 'Bad Request', message: expect.stringContaining(message) });
    expect(error.message).not.toBe('');
    expect((await dashboard.queue.snapshot()).executions.map(({ key }) => key)).toEqual(['waits']);
    expect([await dashboard.queue.isPaused(), await dashboard.queue.strikes()]).toEqual([false, []]);
    expect(linesOf(dashboard)).toEqual([]);
  });
});

describe('the user of an action', () => {
  it('stands in the log, in the summary, and with strikes and pauses', async () => {
    user = 'ada';
    await using dashboard = await start();
    const { url } = dashboard;
    await act(url, 'strike', { task: 'shop.charge' });
    await act(url, 'pause', { reason: 'deploy' });
    expect(await view<StrikeView[]>(url, 'strikes')).toEqual([expect.objectContaining({ by: 'ada' })]);
    expect(await view<SummaryView>(url, 'summary')).toMatchObject({ user: 'ada', pause: { reason: 'deploy' } });
    expect(linesOf(dashboard)).toEqual([
      'log Dashboard: ada strikes executions of shop.charge: drop',
      'log Dashboard: ada pauses the queue',
    ]);
  });

  it('cannot forge a line of the log', async () => {
    user = `ada\n[Nest] LOG Dashboard: bob pauses the queue\u001b[2J${'x'.repeat(10_000)}`;
    await using dashboard = await start();
    await act(dashboard.url, 'pause');
    const [line = ''] = linesOf(dashboard);
    expect(line).toMatch(
      /^log Dashboard: ada\\u000a\[Nest\] LOG Dashboard: bob pauses the queue\\u001b\[2Jx+ pauses the queue$/,
    );
    expect(line.length).toBeLessThan(400);
  });

  it.each([
    ['nobody', undefined],
    ['an empty name', ''],
    ['no text', { name: 'ada' }],
  ])('is someone where the application names %s', async (_what, name) => {
    user = name;
    await using dashboard = await start();
    expect((await act(dashboard.url, 'pause')).status).toBe(200);
    expect(linesOf(dashboard)).toEqual(['log Dashboard: someone pauses the queue']);
    expect(await view<SummaryView>(dashboard.url, 'summary')).not.toHaveProperty('user');
  });

  it('that cannot be told leaves the action undone', async () => {
    user = new UnauthorizedException('Your session is over.');
    await using dashboard = await start();
    const { status, body } = await act(dashboard.url, 'pause');
    expect([status, JSON.parse(body)]).toEqual([401, expect.objectContaining({ message: 'Your session is over.' })]);
    expect(await dashboard.queue.isPaused()).toBe(false);
    expect(linesOf(dashboard)).toEqual([]);
  });
});

describe('an action that fails', () => {
  it('is logged with its user: it may have been done', async () => {
    user = 'ada';
    await using dashboard = await start();
    jest.spyOn(dashboard.queue, 'clear').mockRejectedValue(new BrokerUnavailableError('Redis', 'timeout'));
    const { status, headers } = await act(dashboard.url, 'clear');
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(linesOf(dashboard)).toEqual([
      expect.stringMatching(
        /^warn Dashboard: clear by ada failed, and may have been done in part: Redis is unreachable/,
      ),
    ]);
  });

  it('shows no error of another library', async () => {
    user = 'ada';
    await using dashboard = await start();
    jest.spyOn(dashboard.queue, 'clear').mockRejectedValue(new TypeError('password hunter2'));
    const { status, body } = await act(dashboard.url, 'clear');
    expect(status).toBe(500);
    expect(body).not.toContain('hunter2');
    expect(linesOf(dashboard)).toEqual([expect.stringContaining('warn Dashboard: clear by ada failed')]);
  });
});

describe('the view of this process', () => {
  it('shows the request tasks that run, the newest first, and no argument', async () => {
    user = 'ada';
    await using dashboard = await start();
    const { app, url } = dashboard;
    const gate = new Gate();
    const scheduler = app.get(TaskScheduler);
    const run = async (_secret: string): Promise<void> => gate.passed;
    for (let number = 1; number <= 510; number += 1) {
      scheduler.task({ name: `mail-${number}`, shield: number === 510 }).schedule(run, 'hunter2');
    }
    await Promise.resolve();
    const { body } = await ask(url, '/tasks/api/v1/now');
    const now = JSON.parse(body) as NowView;
    expect(now).toMatchObject({ pid: process.pid, running: 510, counts: { scheduled: 510, started: 510 } });
    expect(now.pools).toEqual([{ name: 'default', running: 510, waiting: 0 }]);
    expect(now.tasks).toHaveLength(500);
    expect(now.tasks[0]).toEqual({
      id: expect.any(String),
      name: 'mail-510',
      status: 'running',
      timing: 'immediate',
      isShielded: true,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect(Math.abs(Date.now() - Date.parse(now.tasks[0]!.startedAt))).toBeLessThan(60_000);
    expect(body).not.toContain('hunter2');
    gate.pass();
    await scheduler.idle();
  });
});
