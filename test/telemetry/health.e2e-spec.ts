import { Controller, Get, Injectable } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { describe, expect, it } from '@jest/globals';
import { TasksConfigError } from 'nestjs-tasks';
import { TasksHealthIndicator } from '../../lib/telemetry/tasks-health.indicator.js';
import { ADAPTERS, Gate, send, startApp } from '../support/app.js';
import { startContext } from '../support/context.js';
import { until } from '../support/until.js';

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly tasks: TasksHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.tasks.check()]);
  }

  @Get('strict')
  @HealthCheck()
  strict() {
    return this.health.check([() => this.tasks.check('jobs', { maxAge: 1 })]);
  }
}

const metadata = { imports: [TerminusModule.forRoot({ logger: false })], controllers: [HealthController] };

interface Answer {
  readonly status: string;
  readonly details: Record<string, Record<string, unknown>>;
}

async function check(url: string): Promise<[status: number, tasks: Record<string, unknown> | undefined]> {
  const { status, body } = await send(url);
  return [status, Object.values((JSON.parse(body) as Answer).details)[0]];
}

describe.each(ADAPTERS)('with Terminus on %s', (_name, adapter) => {
  it('tasks are up while nothing is wrong', async () => {
    await using shop = await startApp(metadata, {}, adapter);
    expect(await check(`${shop.url}/health`)).toEqual([
      200,
      { status: 'up', draining: false, running: 0, waiting: 0, oldestAge: 0, claiming: true },
    ]);
  });

  it('the oldest task is told, and is too old for who says so', async () => {
    await using shop = await startApp(metadata, { concurrency: 2 }, adapter);
    const gate = new Gate();
    function charge(): Promise<void> {
      return gate.passed;
    }
    const oldest = shop.scheduler.task({ name: 'charge ada@example.org' }).schedule(charge);
    const began = performance.now();
    await until(() => performance.now() - began > 5, 'the task to age');
    for (let count = 0; count < 3; count++) shop.scheduler.schedule(charge);
    const [status, tasks] = await check(`${shop.url}/health`);
    expect([status, tasks]).toMatchObject([200, { status: 'up', running: 2, waiting: 2 }]);
    expect(tasks).toMatchObject({ oldestTask: `charge#${oldest.id}` });
    expect(tasks?.['oldestAge']).toBeGreaterThanOrEqual(5);
    expect(await check(`${shop.url}/health/strict`)).toMatchObject([
      503,
      { status: 'down', message: expect.stringMatching(/^charge#\d+ has run for 0\.\d s, and maxAge is 0\.001 s$/) },
    ]);
    gate.pass();
  });

  it('tasks are down as soon as shutdown has begun, while requests are still served', async () => {
    const shop = await startApp(metadata, {}, adapter);
    const gate = new Gate();
    await shop.scheduler.task({ shield: true }).schedule(() => gate.passed).started;
    const closing = shop.app.close();
    await until(() => shop.logs.lines.some((line) => line.includes('waits for')), 'shutdown to begin');
    expect(await check(`${shop.url}/health`)).toMatchObject([
      503,
      { status: 'down', message: 'shutdown has begun', draining: true, running: 1 },
    ]);
    gate.pass();
    await closing;
  });
});

describe('the health of tasks', () => {
  it('is there without Terminus', async () => {
    @Injectable()
    class Probe {
      constructor(readonly tasks: TasksHealthIndicator) {}
    }
    await using test = await startContext({}, { providers: [Probe] });
    const { tasks } = test.context.get(Probe).tasks.check();
    expect(tasks.status).toBe('up');
  });

  it('does not take a task that is retried after its end for as old as its first run', async () => {
    await using test = await startContext();
    const gate = new Gate();
    let isFirst = true;
    const task = test.scheduler.schedule(() => {
      if (!isFirst) return gate.passed;
      isFirst = false;
      return undefined;
    });
    await task.done;
    const retry = task.retry();
    await null;
    expect(test.context.get(TasksHealthIndicator).check('tasks', { maxAge: 0 }).tasks).toMatchObject({
      status: 'up',
      running: 1,
      oldestAge: 0,
    });
    gate.pass();
    await retry;
  });

  it('does not count what waits for its request as waiting, nor what has failed and is handled as gone', async () => {
    await using test = await startContext();
    const gate = new Gate();
    const bad = (): never => {
      throw new Error('bad');
    };
    await test.scheduler.task({ onError: () => gate.passed }).schedule(bad).started;
    expect(test.context.get(TasksHealthIndicator).check().tasks).toMatchObject({ running: 1, waiting: 0 });
    gate.pass();
  });

  it('refuses an age that is no duration', async () => {
    await using test = await startContext();
    const indicator = test.context.get(TasksHealthIndicator);
    expect(() => indicator.check('tasks', { maxAge: 'long' })).toThrow(TasksConfigError);
    expect(() => indicator.check('tasks', { maxAge: 'long' })).toThrow(/^maxAge is 'long'\./);
  });
});
