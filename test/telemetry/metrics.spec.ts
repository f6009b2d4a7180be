import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Durable, TaskQueue, type TaskScheduler } from 'nestjs-tasks';
import { TaskRunner } from '../../lib/scheduler/task-runner.js';
import { Gate } from '../support/app.js';
import { startContext, type TestContext } from '../support/context.js';
import { Sdk } from './sdk.js';

let sdk: Sdk;
let test: TestContext;
let scheduler: TaskScheduler;

beforeEach(async () => {
  sdk = new Sdk();
  const pools = { mail: { concurrency: 1, maxQueue: 0, overflow: 'discard' as const } };
  test = await startContext({ pools, shutdown: { gracePeriod: 20 } });
  scheduler = test.scheduler;
});
afterEach(async () => {
  await test.context.close();
  sdk[Symbol.dispose]();
});

const bad = (): never => {
  throw new Error('bad');
};

describe('tasks.active', () => {
  it('counts the tasks that have started and are not done', async () => {
    const [running, handling] = [new Gate(), new Gate()];
    scheduler.schedule(function wait() {
      return running.passed;
    });
    await scheduler.task({ onError: () => handling.passed }).schedule(bad).started;
    expect(await sdk.metric('tasks.active')).toEqual({ 'wait immediate default': 1, 'bad immediate default': 1 });
    running.pass();
    handling.pass();
    await scheduler.idle();
    expect(await sdk.metric('tasks.active')).toEqual({ 'wait immediate default': 0, 'bad immediate default': 0 });
  });

  it('counts neither those that wait or never run, nor retries after the end', async () => {
    const task = scheduler.schedule(function work() {});
    await task.done;
    await task.retry();
    scheduler.schedule(function unwanted() {}).cancel();
    expect(await sdk.metric('tasks.active')).toEqual({ 'work immediate default': 0 });
  });

  it('lets go of those that shutdown has abandoned', async () => {
    const hang = (): Promise<never> => new Promise(() => {});
    await scheduler.schedule(hang).started;
    await scheduler.task({ onError: hang }).schedule(bad).started;
    await test.context.close();
    expect(await sdk.metric('tasks.active')).toEqual({ 'hang immediate default': 0, 'bad immediate default': 0 });
    expect(await sdk.metric('tasks.abandoned')).toEqual({ 'hang immediate default': 1, 'bad immediate default': 1 });
  });

  it('is not taken below zero by tasks that have started under another SDK, or under none', async () => {
    sdk[Symbol.dispose]();
    const gate = new Gate();
    const work = (): Promise<void> => gate.passed;
    await scheduler.schedule(work).started;
    sdk = new Sdk();
    await scheduler.schedule(work).started;
    sdk[Symbol.dispose]();
    sdk = new Sdk();
    await scheduler.schedule(work).started;
    gate.pass();
    await scheduler.idle();
    expect(await sdk.metric('tasks.active')).toEqual({ 'work immediate default': 0 });
  });
});

describe('tasks.duration', () => {
  it('is how long functions took the first time, in seconds, by how they ended', async () => {
    const gate = new Gate();
    const work = (): Promise<void> => gate.passed;
    const task = scheduler.schedule(work);
    scheduler.task({ onError: (failed) => failed.retry() }).schedule(bad);
    await task.started;
    const began = performance.now();
    while (performance.now() - began < 10) continue;
    gate.pass();
    await scheduler.idle();
    const durations = await sdk.histogram('tasks.duration');
    expect(Object.entries(durations).map(([name, { count }]) => [name, count])).toEqual([
      ['bad immediate default failed', 1],
      ['work immediate default succeeded', 1],
    ]);
    const { sum = 0, buckets } = durations['work immediate default succeeded']!;
    expect(sum).toBeGreaterThanOrEqual(0.01);
    expect(sum).toBeLessThan(1);
    expect(buckets.boundaries).toEqual(expect.arrayContaining([0.005, 1, 10, 300]));
  });

  it('is there for cancelled tasks that ran, and for no others', async () => {
    const hang = (): Promise<never> => new Promise(() => {});
    await scheduler.schedule(hang).started;
    scheduler.schedule(function unwanted() {}).cancel();
    await test.context.close();
    expect(Object.keys(await sdk.histogram('tasks.duration'))).toEqual(['hang immediate default cancelled']);
  });

  it('goes by the names of durable tasks, not by their keys', async () => {
    @Injectable()
    class OrderTasks {
      @Durable('orders.process')
      async process(): Promise<void> {}
    }
    await using shop = await startContext({}, { providers: [OrderTasks] });
    const add = shop.context.get(TaskQueue).add.bind(shop.context.get(TaskQueue));
    const { process } = shop.context.get(OrderTasks);
    const executions = [await add(process, { key: 'a' })(), await add(process, { key: 'b' })()];
    await Promise.all(executions.map((execution) => execution.result()));
    const durations = await sdk.histogram('tasks.duration');
    expect(durations['orders.process immediate succeeded']?.count).toBe(2);
  });
});

describe('tasks.discarded', () => {
  it('has a few reasons, without the numbers of a full pool', async () => {
    const runner = test.context.get(TaskRunner);
    const mail = scheduler.task({ pool: 'mail' });
    const gate = new Gate();
    function send(): Promise<void> {
      return gate.passed;
    }
    for (let count = 0; count < 3; count++) mail.schedule(send);
    for (const reason of ['route failed', 'route succeeded', 'something new']) {
      runner.discard(scheduler.schedule(send), reason);
    }
    gate.pass();
    await test.context.close();
    scheduler.schedule(send);
    expect(await sdk.metric('tasks.discarded')).toEqual({
      'send immediate mail pool full': 2,
      'send immediate default route failed': 1,
      'send immediate default route succeeded': 1,
      'send immediate default other': 1,
      'send immediate default shutdown': 1,
    });
  });
});

it('what is measured holds neither names nor arguments', async () => {
  scheduler.task({ name: 'mail_17' }).schedule(function send(_to: string) {}, 'secret');
  await scheduler.idle();
  const [active, duration] = [await sdk.metric('tasks.active'), await sdk.metric('tasks.duration')];
  expect([...Object.keys(active), ...Object.keys(duration)]).toEqual([
    'send immediate default',
    'send immediate default succeeded',
  ]);
});
