import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Injectable, Post } from '@nestjs/common';
import {
  Durable,
  TaskArgumentError,
  taskName,
  TaskQueue,
  Tasks,
  type TasksConfigError,
  type TasksService,
} from 'nestjs-tasks';
import { send, startApp } from '../../support/app.js';
import { startContext } from '../../support/context.js';
import { until } from '../../support/until.js';

@Injectable()
class Mail {
  readonly sent: unknown[] = [];

  @Durable('mail.send')
  send(to: string): string {
    this.sent.push(to);
    return `to ${to}`;
  }

  @Durable('mail.other')
  other(): void {}
}

/** The compiler refuses what these tests do. */
type Loose = Record<string, (...args: unknown[]) => PromiseLike<unknown>>;
const loose = (surface: object): Loose => surface as Loose;
const errorOf = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

describe('a second call that is missing', () => {
  it.each<[call: string, add: (queue: Loose, mail: Mail) => PromiseLike<unknown>]>([
    ['queue.add', (queue, mail) => queue['add']!(mail.send, { key: 'k' })],
    ['queue.add', (queue) => queue['add']!('mail.send')],
    ['queue.replace', (queue, mail) => queue['replace']!(mail.send, { key: 'k', when: '1s' })],
    ['queue.after(executions).add', (queue, mail) => loose(queue['after']!([]))['add']!(mail.send)],
    ['agenda.add', (queue, mail) => loose(queue['agenda']!())['add']!(mail.send)],
  ])('rejects where it is awaited, and says what is missing: %s', async (call, add) => {
    await using test = await startContext({}, { providers: [Mail] });
    const awaited = (async (): Promise<unknown> =>
      await add(loose(test.context.get(TaskQueue)), test.context.get(Mail)))();
    await expect(awaited).rejects.toThrow(TaskArgumentError);
    await expect(awaited).rejects.toThrow(
      `The second call of task mail.send is missing, and nothing was added. Allowed: a call of the result with the task's arguments: ${call}(task, options)(…).`,
    );
    expect((await test.context.get(TaskQueue).snapshot()).total).toBe(0);
  });

  it.each<[surface: string, enqueue: (tasks: TasksService) => object]>([
    ['the service', (tasks) => tasks],
    ['afterRoute', (tasks) => tasks.afterRoute],
    ['afterResponse', (tasks) => tasks.afterResponse],
    ['task({…})', (tasks) => tasks.task({ onError: null })],
  ])('fails the request that awaits it: enqueue() of %s', async (_surface, surfaceOf) => {
    @Controller()
    class Home {
      constructor(private readonly mail: Mail) {}
      @Post()
      async create(@Tasks() tasks: TasksService): Promise<void> {
        await loose(surfaceOf(tasks))['enqueue']!(this.mail.send, { key: 'k' });
      }
      @Post('returned')
      returned(@Tasks() tasks: TasksService): unknown {
        return loose(surfaceOf(tasks))['enqueue']!(this.mail.send);
      }
    }
    await using app = await startApp({ controllers: [Home], providers: [Mail] });
    for (const path of ['/', '/returned']) {
      expect((await send(`${app.url}${path}`, { method: 'POST' })).status).toBe(500);
    }
    // By Nest's exception filter, as an object.
    expect(app.logs.matching('"argument":"The second call"')).toHaveLength(2);
  });

  it('throws where no callback is there to be told', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const call = test.context.get(TaskQueue).add('mail.send') as unknown as { then(): void };
    expect(() => Reflect.apply(call.then, call, [])).toThrow(TaskArgumentError);
  });
});

describe('the first call', () => {
  it.each<[what: string, args: unknown[], message: string]>([
    [
      'the data of a job beside its options',
      ['mail.send', { to: 'ada' }, { delay: 1_000 }],
      "queue.add() of task mail.send is given 3 arguments. Allowed: queue.add('mail.send', options)(…), with the task's arguments in a second call.",
    ],
    ['an argument of the task', ['mail.send', 'ada'], 'options of task mail.send is a string. Allowed: an object of'],
    ['null', ['mail.send', null], 'options of task mail.send is null. Allowed: an object of'],
    [
      'the data of a job',
      ['mail.send', { to: 'ada' }],
      "to of task mail.send is no option of queue.add(). Allowed: key, priority, remote, transaction, when: queue.add('mail.send', options)(…)",
    ],
    ['a delay', ['mail.send', { delay: 1_000 }], 'delay of task mail.send is no option of queue.add() (use when)'],
    ['an id', ['mail.send', { jobId: '1' }], 'jobId of task mail.send is no option of queue.add() (use key)'],
    [
      'attempts',
      ['mail.send', { attempts: 3 }],
      'no option of queue.add() (use retry: { attempts } in @Durable(name, { … })',
    ],
    ['a misspelled option', ['mail.send', { prioritiy: 3 }], '(did you mean priority?)'],
  ])('refuses %s', async (_what, args, message) => {
    await using test = await startContext({}, { providers: [Mail] });
    const error = errorOf(() => loose(test.context.get(TaskQueue))['add']!(...args));
    expect(error).toBeInstanceOf(TaskArgumentError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('ada');
  });

  it('refuses the same in replace(), after().add(), agenda.add() and enqueue()', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const queue = test.context.get(TaskQueue);
    const calls = [
      () => loose(queue)['replace']!('mail.send', { key: 'k', delay: 5 }),
      () => loose(queue)['replace']!('mail.send'),
      () => loose(queue.after([]))['add']!('mail.send', { jobId: 'k' }),
      () => loose(queue.agenda())['add']!('mail.send', { when: '1s' }),
    ];
    for (const call of calls) expect(call).toThrow(TaskArgumentError);
    expect(calls[3]).toThrow(
      'when of task mail.send is no option of agenda.add() (use agenda.scatter({ over, start }))',
    );
  });
});

describe('a function that takes the arguments', () => {
  const collect = (): void => {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
  };

  it('may be kept, called often and late, and then be let go of, without a word', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const queue = test.context.get(TaskQueue);
    const sendLate = async (): Promise<void> => {
      const mail = queue.add(test.context.get(Mail).send);
      await sleep(1_200); // beyond the time in which nearly all are called
      for (const to of ['ada', 'bob']) expect(await (await mail(to)).result()).toBe(`to ${to}`);
    };
    const forget = (): void => void queue.add('mail.other');
    forget(); // for comparison
    await sendLate();
    await until(() => {
      collect();
      return test.logs.matching('was never given').length > 0;
    }, 'a warning');
    await sleep(50);
    expect(test.logs.matching('was never given')).toEqual([expect.stringContaining('queue.add() of task mail.other')]);
  });

  it('is warned of when nobody can call it any more, once for each task', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const queue = test.context.get(TaskQueue);
    const forget = (): void => {
      for (let i = 0; i < 10; i += 1) queue.add('mail.send', { key: 'k' });
    };
    forget();
    await queue.add('mail.send')('ada');
    await until(() => {
      collect();
      return test.logs.matching('was never given').length > 0;
    }, 'a warning');
    await sleep(50);
    expect(test.logs.matching('was never given')).toEqual([
      expect.stringContaining(
        "warn queue.add() of task mail.send was never given the task's arguments, so nothing was added. Call its result: queue.add(task, options)(…). Logged once per task.",
      ),
    ]);
  });
});

describe('taskName()', () => {
  it('names a task wherever one is taken', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const queue = test.context.get(TaskQueue);
    const name = taskName<Mail['send']>('mail.send');
    const execution = await queue.add(name)('ada');
    expect(await execution.result()).toBe('to ada');
    expect(await (await queue.after([execution]).add(name)('bob')).result()).toBe('to bob');
    const replaced = await queue.replace(name, { key: 'k', when: 0 })('eve');
    expect(await replaced.result()).toBe('to eve');
    const [scattered] = await queue.agenda().add(name)('kim').scatter({ over: 1 });
    expect(await scattered?.result()).toBe('to kim');
    await queue.strike(name);
    expect((await queue.add(name)('zoe')).disposition).toBe('struck');
    expect(await queue.restore(name)).toBe(true);
  });

  it('is refused where it is not declared, as any name', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const queue = test.context.get(TaskQueue);
    const name = taskName<() => void>('mail.sned');
    expect(() => queue.add(name)).toThrow("No task 'mail.sned' is declared in this process");
    expect(await queue.add(name, { remote: true })()).toMatchObject({ name: 'mail.sned' });
  });

  it.each([[''], [undefined], [7]])('takes no %j', (name) => {
    expect(() => taskName(name as string)).toThrow(
      expect.objectContaining({ code: 'TASKS_CONFIG' } satisfies Partial<TasksConfigError>),
    );
  });
});
