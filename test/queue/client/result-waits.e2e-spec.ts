import { describe, expect, it } from '@jest/globals';
import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Durable, ResultTimeoutError, TaskQueue, TaskWaitError, TasksConfigError } from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

@Injectable()
class Jobs {
  runs = 0;

  @Durable('jobs.run')
  run(): string {
    this.runs += 1;
    return 'done';
  }
}

type Hook = 'onModuleInit' | 'onApplicationBootstrap';

/** Awaits a result in a hook of the application's start. */
function waiterIn(hook: Hook): new (queue: TaskQueue, jobs: Jobs) => { readonly outcomes: unknown[] } {
  @Injectable()
  class Waiter implements OnModuleInit, OnApplicationBootstrap {
    readonly outcomes: unknown[] = [];
    constructor(
      private readonly queue: TaskQueue,
      private readonly jobs: Jobs,
    ) {}
    onModuleInit(): Promise<void> | undefined {
      return hook === 'onModuleInit' ? this.wait() : undefined;
    }
    onApplicationBootstrap(): Promise<void> | undefined {
      return hook === 'onApplicationBootstrap' ? this.wait() : undefined;
    }
    private async wait(): Promise<void> {
      const execution = await this.queue.add(this.jobs.run, { key: 'k' })();
      this.outcomes.push(await execution.result({ timeout: '20s' }).catch((error: unknown) => error));
    }
  }
  return Waiter;
}

const HOOKS: readonly Hook[] = ['onModuleInit', 'onApplicationBootstrap'];

describe.each(BROKERS)('a result that is awaited before the application has started: $label', (kind) => {
  const space = brokerSpace(kind);

  it.each(HOOKS)(
    'is refused at once in %s where the only worker waits for that, and the task runs all the same',
    async (hook) => {
      const Waiter = waiterIn(hook);
      await using test = await startQueue(space, { providers: [Jobs, Waiter] });
      const [error] = test.context.get(Waiter).outcomes as Error[];
      expect(error).toBeInstanceOf(TaskWaitError);
      expect(error?.message).toContain(
        'The result of execution k of task jobs.run is awaited before the application has started. The only worker starts after that. Await it after app.init()',
      );
      await until(() => test.context.get(Jobs).runs === 1, 'the execution to run');
    },
  );

  it('is there when a script has started the worker by itself', async () => {
    @Injectable()
    class Script implements OnModuleInit {
      result: unknown;
      constructor(
        private readonly queue: TaskQueue,
        private readonly jobs: Jobs,
      ) {}
      async onModuleInit(): Promise<void> {
        const execution = await this.queue.add(this.jobs.run)();
        await this.queue.runUntilFinished();
        this.result = await execution.result();
      }
    }
    await using test = await startQueue(space, { providers: [Jobs, Script] });
    expect(test.context.get(Script).result).toBe('done');
  });
});

describe.each(SHARED_BROKERS)(
  'a result that is awaited before the application has started, with others: $label',
  (kind) => {
    const space = brokerSpace(kind);

    it.each(HOOKS)('is that of a worker elsewhere in %s', async (hook) => {
      const fleet = space.newQueue();
      await using other = await startQueue(space, { providers: [Jobs] }, { fleet });
      await until(async () => (await other.queue.workers()).length === 1, 'the worker to announce itself');
      const Waiter = waiterIn(hook);
      await using test = await startQueue(space, { providers: [Jobs, Waiter] }, { fleet });
      expect(test.context.get(Waiter).outcomes).toEqual(['done']);
    });
  },
);

describe.each(BROKERS)('a result that is not there in time: $label', (kind) => {
  const space = brokerSpace(kind);

  it('says that there is no worker anywhere', async () => {
    await using test = await startQueue(space, { providers: [Jobs] }, { worker: false });
    const result = (await test.queue.add('jobs.run', { key: 'k' })()).result({ timeout: 50 });
    await expect(result).rejects.toThrow(ResultTimeoutError);
    await expect(result).rejects.toThrow(
      'No result for execution k after 50ms (state: queued). No worker runs in the fleet. Start a process that declares the task',
    );
  });

  it('says that no worker knows the task', async () => {
    await using test = await startQueue(space, { providers: [Jobs] });
    await until(async () => (await test.queue.workers()).length === 1, 'the worker to claim');
    const execution = await test.queue.add('jobs.unknown', { key: 'k', remote: true })();
    await expect(execution.result({ timeout: 50 })).rejects.toThrow(
      "No worker of the fleet (1 running) declares task 'jobs.unknown'. Declare it with @Durable()",
    );
  });

  it('says no more where a worker knows the task', async () => {
    await using test = await startQueue(space, { providers: [Jobs] });
    await until(async () => (await test.queue.workers()).length === 1, 'the worker to claim');
    const execution = await test.queue.add('jobs.run', { key: 'k', when: '1h' })();
    await expect(execution.result({ timeout: 50 })).rejects.toThrow(
      'No result for execution k after 50ms (state: scheduled). The execution continues.',
    );
  });

  it('has no other options', async () => {
    await using test = await startQueue(space, { providers: [Jobs] });
    const execution = await test.queue.add('jobs.run')();
    const wait = (options: object): Promise<unknown> => execution.result(options);
    await expect(wait({ timeOut: 5 })).rejects.toThrow(TasksConfigError);
    await expect(wait({ timeOut: 5 })).rejects.toThrow('timeOut is no option of result() (did you mean timeout?)');
    const { queue } = test;
    await expect((queue.snapshot as (o: object) => Promise<unknown>).call(queue, { limits: 5 })).rejects.toThrow(
      'limits of task snapshot() is no option of snapshot() (did you mean limit?)',
    );
    const strike = queue.strike as (task: string, options: object) => Promise<unknown>;
    await expect(strike.call(queue, 'jobs.run', { expires: 5 })).rejects.toThrow('(use expiresIn)');
    const agenda = queue.agenda().add('jobs.run')();
    await expect((agenda.scatter as (o: object) => Promise<unknown>).call(agenda, { ovr: 5 })).rejects.toThrow(
      '(did you mean over?)',
    );
  });
});
