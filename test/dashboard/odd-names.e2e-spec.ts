import { Injectable } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Durable } from 'nestjs-tasks';
import type { ExecutionPage, OverviewView, StatsView, StrikeView, TaskView } from '../../lib/operations/api.js';
import { ADAPTERS } from '../support/app.js';
import { act, ask, startDashboard, view } from './dashboard-app.js';

/** Names that objects have by themselves. */
const NAMES = ['__proto__', 'constructor', 'toString'] as const;

@Injectable()
class Odd {
  @Durable('__proto__')
  async first(): Promise<void> {}

  @Durable('constructor')
  async second(): Promise<void> {}

  @Durable('toString')
  async third(): Promise<void> {}
}

it.each(ADAPTERS)('tasks with the names of object members are as all others (%s)', async (_name, adapter) => {
  await using dashboard = await startDashboard({
    adapter,
    metadata: { providers: [Odd] },
    tasks: { queue: { worker: false } },
  });
  const { url, queue } = dashboard;
  const depths = async (): Promise<unknown> => {
    const tasks = await view<TaskView[]>(url, 'tasks');
    return Object.fromEntries(tasks.map(({ name, depth }) => [`task ${name}`, depth]));
  };
  const nothing = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0 };
  const one = { ...nothing, scheduled: 1 };
  expect(await depths()).toMatchObject(Object.fromEntries(NAMES.map((name) => [`task ${name}`, nothing])));

  for (const name of NAMES) {
    await queue.add(name, { key: `key of ${name}`, when: '1h' })();
    expect(await act(url, 'strike', { task: name })).toMatchObject({ status: 200 });
  }
  expect(await depths()).toMatchObject(Object.fromEntries(NAMES.map((name) => [`task ${name}`, one])));
  const { stats } = await view<OverviewView>(url, 'overview');
  const { tasks } = await view<StatsView>(url, 'stats');
  const expected = NAMES.map((name) => [name, one]);
  for (const told of [stats.tasks, tasks]) expect(Object.entries(told).toSorted()).toEqual(expected);
  for (const name of NAMES) {
    const { executions } = await view<ExecutionPage>(url, `executions?task=${name}`);
    expect(executions.map(({ key }) => key)).toEqual([`key of ${name}`]);
  }
  const struck = (await view<StrikeView[]>(url, 'strikes')).map(({ task }) => task);
  expect(struck.toSorted()).toEqual(NAMES);
});

it('refuses an id that no broker holds', async () => {
  await using dashboard = await startDashboard();
  const { status, body } = await ask(dashboard.url, '/tasks/api/v1/execution?key=a&id=%00');
  expect([status, body]).toEqual([400, expect.stringContaining('Pass a text without the character NUL.')]);
});
