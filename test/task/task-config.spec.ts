import { describe, expect, it } from '@jest/globals';
import { mergeTaskConfig, TasksConfigError, type Task, type TaskConfig } from 'nestjs-tasks';
import { resolveTaskConfig, validateTaskConfig } from '../../lib/task/task-config.js';

const refund = (): void => {};
const report = (): void => {};

describe('mergeTaskConfig', () => {
  it('is empty when both layers are', () => {
    expect(mergeTaskConfig({}, {})).toEqual({});
  });

  it('lets false override true, and inherits what is undefined', () => {
    expect(
      mergeTaskConfig(
        { name: 'a', shield: true, onError: refund },
        { name: undefined, shield: false, onError: report },
      ),
    ).toEqual({ name: 'a', shield: false, onError: report });
  });

  it('keeps null, which clears whatever stands below', () => {
    expect(mergeTaskConfig({ name: 'a', timeout: '1s' }, { name: null })).toEqual({ name: null, timeout: '1s' });
  });

  it('changes neither operand', () => {
    const base = Object.freeze<TaskConfig>({ name: 'a', shield: true });
    const override = Object.freeze<TaskConfig>({ name: 'b' });
    expect(mergeTaskConfig(base, override)).toEqual({ name: 'b', shield: true });
    expect([base, override]).toEqual([{ name: 'a', shield: true }, { name: 'b' }]);
  });

  it('gives the same whatever the grouping, for every combination of values in three layers', () => {
    const values: TaskConfig[] = [
      {},
      { name: undefined },
      { name: null },
      { name: 'x' },
      { shield: false },
      { shield: null },
    ];
    for (const a of values) {
      for (const b of values) {
        for (const c of values) {
          expect(mergeTaskConfig(mergeTaskConfig(a, b), c)).toEqual(mergeTaskConfig(a, mergeTaskConfig(b, c)));
        }
      }
    }
  });
});

describe('resolveTaskConfig', () => {
  it('fills in the defaults, holds no null and is frozen', () => {
    const resolved = resolveTaskConfig({ name: null, shield: null, onError: null, runOn: null, timeout: null });
    expect(resolved).toEqual({ shield: false, runOn: 'success' });
    expect(Object.values(resolved)).not.toContain(null);
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  it("has an asyncContext where it is 'none'", () => {
    expect(resolveTaskConfig({ asyncContext: 'none' }).asyncContext).toBe('none');
    expect(resolveTaskConfig({ asyncContext: 'inherit' })).toEqual(resolveTaskConfig({}));
    expect(resolveTaskConfig({ asyncContext: null })).toEqual(resolveTaskConfig({}));
  });

  it('reads the timeout', () => {
    expect(resolveTaskConfig({ timeout: '2s' }).timeout).toBe(2_000);
  });
});

describe('validateTaskConfig', () => {
  class WithHandler {
    onTaskError(_task: Task, _error: unknown): void {}
  }

  it.each<TaskConfig>([
    {},
    { name: null, shield: null, onError: null, runOn: null, timeout: null },
    { name: '', shield: false, onError: refund, runOn: 'always', timeout: 1 },
    { onError: WithHandler, timeout: '10m' },
    { asyncContext: 'none' },
    { asyncContext: 'inherit' },
    { onError: async (_task, error: Error) => error.message },
  ])('accepts %p', (config) => {
    expect(() => validateTaskConfig(config)).not.toThrow();
  });

  it.each<[object, string, string]>([
    [{ name: 7 }, 'name', 'name is 7. Allowed: a string.'],
    [{ shield: 'yes' }, 'shield', "shield is 'yes'. Allowed: true or false."],
    [
      { onError: 'log' },
      'onError',
      "onError is 'log'. Allowed: a function (task, error), or a provider class with a method onTaskError(task, error).",
    ],
    [{ onError: class Handler {} }, 'onError', 'onError is the function Handler. Allowed: '],
    [{ onError: { onTaskError() {} } }, 'onError', 'onError is a value of type Object. Allowed: '],
    [{ runOn: 'never' }, 'runOn', "runOn is 'never'. Allowed: 'success', 'error' or 'always'."],
    [
      { timeout: 'soon' },
      'timeout',
      "timeout is 'soon'. Allowed: milliseconds as a number, or a string such as '250ms', '5s' or '10m', from 1 ms to 24.8 days.",
    ],
    [{ asyncContext: 'own' }, 'asyncContext', "asyncContext is 'own'. Allowed: 'inherit' or 'none'."],
    [{ timeout: '' }, 'timeout', "timeout is ''."],
    [{ timeout: 0 }, 'timeout', 'timeout is 0.'],
    [{ timeout: -1 }, 'timeout', 'timeout is -1.'],
    [{ timeout: '-5s' }, 'timeout', "timeout is '-5s'."],
    [{ timeout: NaN }, 'timeout', 'timeout is NaN.'],
    [{ timeout: Infinity }, 'timeout', 'timeout is Infinity.'],
    [{ timeout: '25d' }, 'timeout', "timeout is '25d'."],
    [{ timeout: {} }, 'timeout', 'timeout is a value of type Object.'],
    [{ timeout: Object.create(null) }, 'timeout', 'timeout is a value of type Object.'],
    [{ timeout: Symbol('s') }, 'timeout', 'timeout is Symbol(s).'],
    [{ timeout: [() => {}][0] }, 'timeout', 'timeout is a function.'],
    [
      {
        timeout: new Proxy(
          {},
          {
            get: () => {
              throw new Error('no');
            },
          },
        ),
      },
      'timeout',
      'timeout is a value of type Object.',
    ],
  ])('refuses what cannot be used: case %#', (config, option, message) => {
    const validate = (): void => validateTaskConfig(config as TaskConfig, 'task().');
    expect(validate).toThrow(TasksConfigError);
    expect(validate).toThrow(`task().${message}`);
    expect(validate).toThrow(expect.objectContaining({ code: 'TASKS_CONFIG', option: `task().${option}` }));
  });

  it.each([null, 'name', 7])('refuses %p as a whole', (config) => {
    expect(() => validateTaskConfig(config as unknown as TaskConfig, 'task().')).toThrow(
      /^task\(\) is .*Allowed: an object\.$/,
    );
    expect(() => validateTaskConfig(config as unknown as TaskConfig)).toThrow(/^config is /);
  });
});
