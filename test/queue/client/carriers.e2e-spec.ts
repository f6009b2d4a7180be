import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, jest } from '@jest/globals';
import { Injectable, Scope, type Type } from '@nestjs/common';
import {
  currentTask,
  Durable,
  Perpetual,
  TaskContext,
  TasksConfigError,
  type Json,
  type TaskContextCarrier,
} from 'nestjs-tasks';
import { BROKERS, brokerSpace, SHARED_BROKERS } from '../../support/brokers.js';
import { startContext } from '../../support/context.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(30_000);

const tenants = new AsyncLocalStorage<{ readonly tenant: Json }>();
const requests = new AsyncLocalStorage<string>();

@Injectable()
class TenantCarrier implements TaskContextCarrier {
  readonly name = 'tenant';
  restored = 0;

  capture(): Json | undefined {
    return tenants.getStore()?.tenant;
  }

  restore<R>(tenant: Json, run: () => R): R {
    this.restored += 1;
    return tenants.run({ tenant }, run);
  }
}

@Injectable()
class RequestCarrier implements TaskContextCarrier<string> {
  readonly name = 'request';

  capture(): string | undefined {
    return requests.getStore();
  }

  restore<R>(id: string, run: () => R): R {
    return requests.run(id, run);
  }
}

/** Calls `func` as an interceptor would that knows the tenant. */
const as = <R>(tenant: Json, func: () => R): R => tenants.run({ tenant }, func);

const here = (): unknown => [tenants.getStore()?.tenant, requests.getStore()];

@Injectable()
class Jobs {
  readonly seen: unknown[] = [];

  constructor(private readonly context: TaskContext) {}

  @Durable('carried.see')
  see(): unknown {
    return here();
  }

  @Durable('carried.later')
  async later(): Promise<unknown> {
    await Promise.resolve();
    return here();
  }

  @Durable('carried.empty', { asyncContext: 'none' })
  empty(): unknown {
    return here();
  }

  @Durable('carried.fail', {
    retry: { attempts: 2, delay: 1 },
    onError: (task) => task.args[0] === 'see' && (onError = here()),
  })
  fail(_what: string): never {
    this.seen.push([this.context.attempt, here()]);
    throw new Error('bad');
  }

  @Durable('carried.stop')
  stop(): Promise<void> {
    const { signal } = currentTask();
    this.seen.push('runs');
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.seen.push(here());
        reject(signal.reason as Error);
      });
    });
  }

  @Perpetual({ every: 5 })
  @Durable('carried.tick')
  tick(): void {
    this.seen.push(here());
    if (this.seen.length === 3) this.context.perpetual.cancel();
  }

  @Durable('carried.requeued', { onCancel: 'enqueue' })
  requeued(): Promise<void> {
    return this.stop();
  }
}

let onError: unknown;

@Injectable({ scope: Scope.REQUEST })
class ScopedJobs {
  private readonly made = here();

  @Durable('carried.scoped')
  scoped(): unknown {
    return [this.made, here()];
  }
}

const CARRIERS = [TenantCarrier, RequestCarrier];
const WITH = { providers: [Jobs, ScopedJobs, ...CARRIERS] };

describe.each(BROKERS)('what carriers capture, on $label', (kind) => {
  const space = brokerSpace(kind);

  it('is there in the run, before and after it waits, and in the constructor of its instance', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const { queue } = test;
    const jobs = test.context.get(Jobs);
    const added = await as({ id: 'a', labels: ['é', '\0', '\ud800', null] }, () =>
      requests.run('r1', () =>
        Promise.all([queue.add(jobs.see)(), queue.add(jobs.later)(), queue.add(jobs.empty, { key: 'k' })()]),
      ),
    );
    for (const execution of added) {
      expect(await execution.result()).toEqual([{ id: 'a', labels: ['é', '\0', '\ud800', null] }, 'r1']);
    }
    await using booted = await requests.run('boot', () => startQueue(space, WITH, { carriers: CARRIERS }));
    const alone = await as('a', () => booted.queue.add(jobs.empty)());
    expect(await alone.result()).toEqual(['a', undefined]);
    const scoped = await as('b', () => queue.add('carried.scoped')());
    expect(await scoped.result()).toEqual([
      ['b', undefined],
      ['b', undefined],
    ]);
  });

  it('is restored only where it was captured', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const jobs = test.context.get(Jobs);
    expect(await (await test.queue.add(jobs.see)()).result()).toEqual([undefined, undefined]);
    const some = await requests.run('r1', () => test.queue.add(jobs.see)());
    expect(await some.result()).toEqual([undefined, 'r1']);
    expect(test.context.get(TenantCarrier).restored).toBe(0);
  });

  it('is there in each attempt, in onError, and when the execution is retried after its end', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const jobs = test.context.get(Jobs);
    const execution = await as('a', () => test.queue.add(jobs.fail, { key: 'k' })('see'));
    await expect(execution.result()).rejects.toThrow('bad');
    const attempts = [
      [1, ['a', undefined]],
      [2, ['a', undefined]],
    ];
    expect(jobs.seen).toEqual(attempts);
    expect(onError).toEqual(['a', undefined]);
    expect(await as('other', () => test.queue.retry('k'))).toBe('retried');
    await expect((await execution.refresh()).result()).rejects.toThrow('bad');
    expect(jobs.seen).toEqual([...attempts, ...attempts]);
  });

  it('is there in the listeners of an aborted signal', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const jobs = test.context.get(Jobs);
    const execution = await as('a', () => test.queue.add(jobs.stop, { key: 'k' })());
    await until(() => jobs.seen.length === 1, 'it to run');
    await as('other', () => test.queue.cancel('k'));
    await expect(execution.result()).rejects.toThrow('was cancelled');
    expect(jobs.seen).toEqual(['runs', ['a', undefined]]);
  });

  it('is there in all runs of a chain', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const jobs = test.context.get(Jobs);
    await (await as('a', () => test.queue.add(jobs.tick)())).result();
    expect(jobs.seen).toEqual(Array.from({ length: 3 }, () => ['a', undefined]));
  });

  it('is captured by each way to add: a replacement, an agenda, executions that follow others', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const { queue } = test;
    const jobs = test.context.get(Jobs);
    const agenda = queue.agenda();
    as('a', () => agenda.add(jobs.see)());
    as('b', () => agenda.add(jobs.see)());
    const scattered = await as('c', () => agenda.scatter({ over: 1 }));
    const first = await as('d', () => queue.add(jobs.see, { key: 'k', when: '1h' })());
    const second = await as('e', () => queue.replace(jobs.see, { key: 'k', when: 0 })());
    const last = await as('f', () => queue.after([second, ...scattered]).add(jobs.see)());
    const none = await queue.after([second]).add(jobs.see)();
    const results = await Promise.all([...scattered, second, last, none].map((execution) => execution.result()));
    expect(results.map((result) => (result as unknown[])[0])).toEqual(['a', 'b', 'e', 'f', undefined]);
    await expect(first.result()).rejects.toThrow('queue.replace() was called');
  });

  it('is restored for the replacement of what runs', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const { queue } = test;
    const jobs = test.context.get(Jobs);
    await as('a', () => queue.add(jobs.stop, { key: 'k' })());
    await until(() => jobs.seen.length === 1, 'it to run');
    const next = await as('b', () => queue.replace(jobs.see, { key: 'k', when: 0 })());
    for (const task of test.scheduler.running) task.cancel('enough');
    expect(await next.result()).toEqual(['b', undefined]);
  });

  it('fails an addition, and nothing was added, where a carrier throws', async () => {
    @Injectable()
    class Broken extends TenantCarrier {
      override capture(): never {
        throw new Error('no tenant');
      }
    }
    await using test = await startQueue(space, { providers: [Jobs, Broken] }, { carriers: [Broken] });
    const refused = test.queue.add(test.context.get(Jobs).see)();
    await expect(refused).rejects.toMatchObject({
      name: 'CarrierError',
      code: 'CARRIER',
      carrier: 'tenant',
      message: "Carrier 'tenant': capture() has thrown; its error is the cause. Nothing was added.",
      cause: { message: 'no tenant' },
    });
    expect(await test.broker.executions.size()).toBe(0);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('secret of its own');
      },
      'restore() has thrown; its error is the cause.',
    ],
    ['calls nothing', () => undefined, 'restore() has called run 0 times. Call it once, before restore() returns.'],
    [
      'calls twice',
      (run: () => unknown) => [run(), run()],
      'restore() has called run 2 times. Call it once, before restore() returns.',
    ],
    [
      'calls too late',
      (run: () => unknown) => void Promise.resolve().then(run),
      'restore() has called run 0 times. Call it once, before restore() returns.',
    ],
  ])('fails the attempt where a carrier %s, like any other error', async (_what, restore, message) => {
    @Injectable()
    class Broken extends TenantCarrier {
      override restore<R>(_tenant: Json, run: () => R): R {
        this.restored += 1;
        return restore(run) as R;
      }
    }
    await using test = await startQueue(
      space,
      { providers: [Jobs, Broken, RequestCarrier] },
      { carriers: [RequestCarrier, Broken] },
    );
    const jobs = test.context.get(Jobs);
    const execution = await requests.run('r1', () => as('hunter2', () => test.queue.add(jobs.fail)('see')));
    await expect(execution.result()).rejects.toMatchObject({
      code: 'CARRIER',
      message: `Carrier 'tenant': ${message}`,
    });
    expect(test.context.get(Broken).restored).toBe(2); // an attempt each
    expect(jobs.seen).toEqual([]);
    expect(test.logs.lines.filter((line) => line.includes('hunter2'))).toEqual([]);
  });
});

describe('a captured value', () => {
  const space = brokerSpace({ label: 'memory', url: 'memory://', isShared: false });
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const hostile = {
    get card() {
      throw new Error('no');
    },
  };

  it.each([
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['a function', () => 'hunter2'],
    ['a promise', Promise.resolve('hunter2')],
    ['a bigint', 1n],
    ['NaN', NaN],
    ['a hole', Array(1)],
    ['an instance', { deep: [new TenantCarrier()] }],
    ['a cycle', cyclic],
  ])('is refused where it is no JSON: %s', async (_what, value) => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const refused = as(value as Json, () => test.queue.add(test.context.get(Jobs).see)());
    await expect(refused).rejects.toMatchObject({
      code: 'TASK_ARGUMENT',
      task: 'carried.see',
      argument: "carrier 'tenant'",
    });
    await expect(refused).rejects.toThrow(/^carrier 'tenant' of task carried\.see is .*\. Allowed: JSON: /);
    await expect(refused).rejects.not.toThrow('hunter2');
  });

  it('is refused where reading it throws', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const refused = as(hostile as Json, () => test.queue.add(test.context.get(Jobs).see)());
    await expect(refused).rejects.toMatchObject({ code: 'CARRIER' });
  });

  it('is refused where all together are too large: of the largest', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const jobs = test.context.get(Jobs);
    const add = (size: number) => requests.run('r', () => as('x'.repeat(size), () => test.queue.add(jobs.see)()));
    await expect((await add(8_150)).result()).resolves.toBeDefined();
    await expect(add(8_170)).rejects.toThrow(
      /^carrier 'tenant' of task carried\.see is 8,\d\d\d bytes long\. Allowed: up to 8,192 bytes of JSON, with what the other carriers return\.$/,
    );
  });

  it('is of its own in each run, and not changed by whoever has captured it', async () => {
    await using test = await startQueue(space, WITH, { carriers: CARRIERS });
    const value = { list: [1] };
    const execution = await as(value, () => test.queue.add(test.context.get(Jobs).see, { when: 20 })());
    value.list.push(2);
    expect(await execution.result()).toEqual([{ list: [1] }, undefined]);
  });
});

describe('the option carriers', () => {
  const start = (carriers: unknown, providers: Type[] = []): Promise<unknown> =>
    startContext({ queue: { carriers: carriers as [] } }, { providers });

  class Unnamed extends TenantCarrier {
    override readonly name = 'no spaces' as never;
  }
  class Twin extends TenantCarrier {}
  class Empty {}
  @Injectable({ scope: Scope.REQUEST })
  class Scoped extends TenantCarrier {}

  it.each([
    ['no list', TenantCarrier, [TenantCarrier], /^queue\.carriers is .*\. Allowed: a list of provider classes\.$/],
    ['an instance', [new TenantCarrier()], [], /^queue\.carriers is /],
    ['not provided', [TenantCarrier], [], /Add TenantCarrier to the providers of a module/],
    ['of a request', [Scoped], [Scoped], /in the default scope/],
    ['without methods', [Empty], [Empty], /with the methods capture\(\) and restore\(\)/],
    ['without a name', [Unnamed], [Unnamed], /^name of the carrier Unnamed is 'no spaces'\. Allowed: up to 64 letters/],
    ['of one name', [TenantCarrier, Twin], [TenantCarrier, Twin], /^queue\.carriers is two of 'tenant'\./],
  ])('is refused at bootstrap: %s', async (_what, carriers, providers, message) => {
    const started = start(carriers, providers as Type[]);
    await expect(started).rejects.toThrow(TasksConfigError);
    await expect(started).rejects.toThrow(message);
  });
});

for (const kind of SHARED_BROKERS) {
  describe(`a worker of another deploy, on ${kind.label}`, () => {
    const space = brokerSpace(kind);

    it('ignores what a carrier has captured that it does not know', async () => {
      await using worker = await startQueue(space, WITH, { carriers: [TenantCarrier] });
      await using adder = await startQueue(space, WITH, { carriers: CARRIERS, fleet: worker.fleet, worker: false });
      const execution = await as('a', () => requests.run('r1', () => adder.queue.add(adder.context.get(Jobs).see)()));
      expect(await execution.result()).toEqual(['a', undefined]);
      await using bare = await startQueue(space, WITH, { fleet: space.newQueue() });
      await using other = await startQueue(space, WITH, { carriers: CARRIERS, fleet: bare.fleet, worker: false });
      const ignored = await as('a', () => other.queue.add(other.context.get(Jobs).empty)());
      expect(await ignored.result()).toEqual([undefined, undefined]);
    });

    it('runs what shutdown has handed to the queue in the context of the task', async () => {
      const fleet = space.newQueue();
      const first = await startQueue(space, WITH, { carriers: CARRIERS, fleet, worker: false });
      const jobs = first.context.get(Jobs);
      as('a', () => first.scheduler.schedule(jobs.requeued));
      await until(() => jobs.seen.length === 1, 'it to run');
      await first[Symbol.asyncDispose]();
      await using second = await startQueue(space, WITH, { carriers: CARRIERS, fleet });
      const later = second.context.get(Jobs);
      await until(() => later.seen.length === 1, 'it to run again');
      for (const task of second.scheduler.running) task.cancel('enough');
      await until(() => later.seen.length === 2, 'it to stop');
      expect(later.seen[1]).toEqual(['a', undefined]);
    });
  });
}
