import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskQueue, tasks, TasksConfigError, type TaskQueueOptions } from 'nestjs-tasks';
import { startContext, type TestContext } from '../../support/context.js';
import { until } from '../../support/until.js';

const NAMES = ['tasks.trace', 'tasks.fail', 'tasks.sleep'] as const;
const METHODS = [tasks.trace, tasks.fail, tasks.sleep] as ((...args: never[]) => unknown)[];

@Injectable()
class Jobs {
  @Durable('jobs.one')
  one(): string {
    return 'one';
  }
}

async function startIn(environment: string, queue: TaskQueueOptions = {}): Promise<TestContext> {
  jest.replaceProperty(process, 'env', { ...process.env, NODE_ENV: environment });
  return startContext({ queue }, { providers: [Jobs] });
}

afterEach(() => void jest.restoreAllMocks());

describe('the built-in tasks', () => {
  it.each<[string, TaskQueueOptions]>([
    ['development', {}],
    ['test', {}],
    ['production', { builtInTasks: true }],
  ])('are there: %s %j', async (environment, options) => {
    await using test = await startIn(environment, options);
    const queue = test.context.get(TaskQueue);
    expect(await (await queue.add(tasks.sleep)(1)).result({ timeout: '10s' })).toBeUndefined();
    await expect((await queue.add('tasks.fail')('oh no')).result({ timeout: '10s' })).rejects.toThrow('oh no');
    expect((await queue.workers())[0]?.tasks).toEqual(expect.arrayContaining([...NAMES]));
  });

  it.each<[string, TaskQueueOptions]>([
    ['production', {}],
    ['production', { builtInTasks: false }],
    ['development', { builtInTasks: false }],
  ])('are unknown tasks: %s %j', async (environment, options) => {
    await using test = await startIn(environment, options);
    const queue = test.context.get(TaskQueue);
    for (const task of [...NAMES, ...METHODS]) {
      const add = (): unknown => queue.add(task as string);
      expect(add).toThrow(expect.objectContaining({ code: 'TASK_NOT_REGISTERED' }));
      expect(add).toThrow('Declared: jobs.one.');
      expect(add).toThrow('Set queue: { builtInTasks: true } in TasksModule.forRoot()');
    }
    expect(() => queue.add('others.task')).not.toThrow('builtInTasks: true');
    const execution = await queue.add('tasks.sleep', { remote: true })(2 ** 31 - 1);
    await until(() => test.logs.matching("task 'tasks.sleep' is not declared in this process").length > 0, 'the line');
    expect((await queue.workers())[0]?.tasks).not.toContain('tasks.sleep');
    expect((await execution.refresh()).state).not.toBe('running');
    expect(await execution.cancel()).toBe('cancelled');
  });

  it('leave their names to the application where they are off', async () => {
    @Injectable()
    class Own {
      @Durable('tasks.trace')
      trace(): string {
        return 'own';
      }
    }
    await using test = await startContext({ queue: { builtInTasks: false } }, { providers: [Own] });
    const execution = await test.context.get(TaskQueue).add('tasks.trace')();
    expect(await execution.result({ timeout: '10s' })).toBe('own');
  });

  it('are switched by true and false alone', async () => {
    const boot = startContext({ queue: { builtInTasks: 'no' as never } });
    await expect(boot).rejects.toThrow(TasksConfigError);
    await expect(boot).rejects.toThrow("queue.builtInTasks is 'no'. Allowed: true or false.");
  });
});
