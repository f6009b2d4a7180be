import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type INestApplicationContext } from '@nestjs/common';
import {
  ConcurrencyLimit,
  Durable,
  Logged,
  OnTaskError,
  Perpetual,
  Shielded,
  TaskQueue,
  TaskScheduler,
  Tasks,
  type TasksService,
} from 'nestjs-tasks';
import { send, startApp } from '../../support/app.js';
import { startContext } from '../../support/context.js';
import { usageError } from '../../support/usage-error.js';

type AnyMethod = (...args: unknown[]) => unknown;

const log: string[] = [];

/** Decorators such as those of transactions: none copies metadata. */
const WRAPPERS: Readonly<Record<string, MethodDecorator>> = {
  'by assignment to the descriptor': ((_target, _key, descriptor: PropertyDescriptor) => {
    const method = descriptor.value as AnyMethod;
    descriptor.value = function (this: unknown, ...args: unknown[]): unknown {
      log.push('wrapped');
      return method.apply(this, args);
    };
  }) as MethodDecorator,
  'in a Proxy': ((_target, _key, descriptor: PropertyDescriptor) => {
    descriptor.value = new Proxy(descriptor.value as AnyMethod, {
      apply: (method, self, args: unknown[]) => {
        log.push('wrapped');
        return method.apply(self, args);
      },
    });
  }) as MethodDecorator,
  'by a descriptor of its own': ((_target, _key, descriptor: PropertyDescriptor) => ({
    ...descriptor,
    value(this: unknown, ...args: unknown[]): unknown {
      log.push('wrapped');
      return (descriptor.value as AnyMethod).apply(this, args);
    },
  })) as MethodDecorator,
};

const byName = (context: INestApplicationContext, name: string): AnyMethod =>
  (context.get('ORDERS') as Record<string, AnyMethod>)[name]!;

describe.each(Object.entries(WRAPPERS))('a method that is wrapped %s', (_how, Wrapped) => {
  class Orders {
    readonly shop = 'shop';

    @Wrapped
    @Durable('outside', { shield: true, retry: { attempts: 2, delay: 0 } })
    outside(@Logged() customerId: number, @ConcurrencyLimit(1) orderId: string): string {
      return `${this.shop} ${customerId} ${orderId}`;
    }

    @Durable('inside')
    @Wrapped
    inside(@Logged() customerId: number, _orderId: string): string {
      return `${this.shop} ${customerId}`;
    }

    @Wrapped
    @Perpetual({ every: '1h' })
    tick(customerId: number): string {
      return `${this.shop} ${customerId}`;
    }

    @Wrapped
    @Shielded()
    @OnTaskError(() => {})
    charge(id: string): string {
      return `${this.shop} ${id}`;
    }

    @OnTaskError(null)
    @Wrapped
    @Shielded()
    refund(): void {}
  }
  const providers = [{ provide: 'ORDERS', useClass: Orders }];

  it('is durable all the same, with its options, and runs within the wrapper', async () => {
    await using test = await startContext({}, { providers });
    const queue = test.context.get(TaskQueue);
    for (const [task, name] of [
      [byName(test.context, 'outside'), 'outside'],
      [byName(test.context, 'inside'), 'inside'],
    ] as const) {
      log.length = 0;
      const execution = await queue.add(task)(7, 'a');
      expect(execution.name).toBe(name);
      expect(await execution.result()).toMatch(/^shop 7/);
      expect(log).toEqual(['wrapped']);
    }
    const lines = test.logs.matching('starts:').map((line) => /(?:outside|inside)\(.*\)/.exec(line)?.[0]);
    expect(lines).toEqual(['outside(customerId=7, orderId=…)', 'inside(customerId=7, _orderId=…)']);
  });

  it('keeps the names of its parameters for strikes', async () => {
    await using test = await startContext({}, { providers });
    const queue = test.context.get(TaskQueue);
    await queue.strike('outside', 'customerId', '==', 7);
    expect((await queue.add('outside')(7, 'a')).disposition).toBe('struck');
    expect((await queue.add('outside')(8, 'a')).disposition).toBe('scheduled');
    await queue.strike('Orders.tick', 'customerId', '==', 7);
    await expect(queue.strike('inside', 'nobody', '==', 7)).rejects.toThrow('Parameters: customerId, _orderId');
  });

  it('keeps the options of its task decorators where it is scheduled in this process', async () => {
    await using test = await startContext({}, { providers });
    const scheduler = test.context.get(TaskScheduler);
    const task = scheduler.schedule(byName(test.context, 'charge'), 'x');
    expect(task.shielded).toBe(true);
    expect(task.config.onError).toBeInstanceOf(Function);
    expect(await task.result()).toBe('shop x');
    expect(scheduler.schedule(byName(test.context, 'refund')).config).toMatchObject({ shield: true });
  });
});

describe.each(Object.entries(WRAPPERS))('a route handler that is wrapped %s', (_how, Wrapped) => {
  it('keeps its layer of options', async () => {
    const shields: boolean[] = [];
    @Controller()
    class Home {
      @Get()
      @Wrapped
      @Shielded()
      get(@Tasks() tasks: TasksService): string {
        shields.push(tasks.schedule(() => {}).shielded);
        return 'ok';
      }
    }
    await using app = await startApp({ controllers: [Home] });
    expect((await send(app.url)).status).toBe(200);
    expect(shields).toEqual([true]);
  });
});

describe('a method that another decorator turns into an accessor', () => {
  const Bound = ((_target, _key, descriptor: PropertyDescriptor) => ({
    configurable: true,
    get(this: object): unknown {
      return (descriptor.value as AnyMethod).bind(this);
    },
  })) as MethodDecorator;

  it('stops the start, since there is no method to run', async () => {
    @Injectable()
    class Orders {
      @Bound
      @Durable('orders.process')
      process(): void {}
    }
    const started = startContext({}, { providers: [Orders] });
    await expect(started).rejects.toThrow(usageError('TASK_REGISTRATION'));
    await expect(started).rejects.toThrow(
      'Orders.process in RootTestModule has task decorators, but another decorator made it an accessor. Remove that decorator',
    );
  });

  it('may be so without decorators of ours', async () => {
    @Injectable()
    class Orders {
      @Bound
      process(): void {}
      get total(): number {
        throw new Error('an accessor must not be read');
      }
    }
    await using test = await startContext({}, { providers: [Orders] });
    expect(test.logs.lines).toEqual([]);
  });
});

describe('a durable task that is a generator', () => {
  it.each<[kind: string, declare: () => new () => object]>([
    [
      'async',
      () => {
        @Injectable()
        class Reports {
          @Durable('report')
          async *run(): AsyncGenerator<number> {
            yield 1;
          }
        }
        return Reports;
      },
    ],
    [
      'sync',
      () => {
        @Injectable()
        class Reports {
          @Durable('report')
          *run(): Generator<number> {
            yield 1;
          }
        }
        return Reports;
      },
    ],
  ])('stops the start: %s', async (_kind, declare) => {
    const started = startContext({}, { providers: [declare()] });
    await expect(started).rejects.toThrow(usageError('TASK_REGISTRATION'));
    await expect(started).rejects.toThrow(
      "Durable task 'report' is declared by Reports.run in RootTestModule, a generator",
    );
  });
});
