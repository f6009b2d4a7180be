import { Inject, Injectable, Module, Scope, type OnModuleInit } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';
import { LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { Shielded, TaskScheduler } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { startContext } from '../support/context.js';
import { usageError } from '../support/usage-error.js';

const COMPUTED = 'computed';

@Injectable()
class Mail {
  readonly sender = 'shop';

  @Shielded()
  async send(to: string): Promise<string> {
    return `${this.sender} to ${to}`;
  }

  plain(): unknown {
    return this?.sender;
  }

  get subject(): string {
    throw new Error('a getter must not be read');
  }
}

describe('a method that is passed unbound', () => {
  it('runs on its provider, decorated or not', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const mail = test.context.get(Mail);
    const task = test.scheduler.schedule(mail.send, 'a@b.c');
    await expect(task.result()).resolves.toBe('shop to a@b.c');
    expect([task.func, task.shielded]).toEqual([mail.send, true]);
    await expect(task.retry()).resolves.toBe('shop to a@b.c');
    await expect(test.scheduler.schedule(mail.plain).result()).resolves.toBe('shop');
  });

  it('runs on its provider when that came from a factory, as a value, by inheritance or under an alias', async () => {
    class Derived extends Mail {
      override readonly sender = 'derived' as 'shop';
    }
    const providers = [
      { provide: Derived, useFactory: () => new Derived() },
      { provide: 'alias', useExisting: Derived },
      { provide: 'list', useValue: [1, 2] },
      { provide: 'bare', useValue: Object.create(null) as object },
      { provide: 'nothing', useValue: null },
    ];
    await using test = await startContext({}, { providers });
    const task = test.scheduler.schedule(test.context.get(Derived).send, 'x');
    await expect(task.result()).resolves.toBe('derived to x');
  });

  it('may be scheduled before the application has initialized, and runs on the finished provider', async () => {
    const results: Promise<unknown>[] = [];
    @Injectable()
    class Early {
      constructor(scheduler: TaskScheduler) {
        results.push(scheduler.schedule(Late.prototype.read).result());
      }
    }
    @Injectable()
    class Late implements OnModuleInit {
      private state = 'constructed';
      read(): string {
        return this.state;
      }
      onModuleInit(): void {
        this.state = 'initialized';
      }
    }
    await using test = await startContext({}, { providers: [Early, Late] });
    expect(test.scheduler).toBeDefined();
    await expect(Promise.all(results)).resolves.toEqual(['constructed']);
  });

  it('is found on what a factory makes after the first task was scheduled', async () => {
    @Injectable()
    class Early {
      constructor(scheduler: TaskScheduler) {
        scheduler.schedule(() => {});
      }
    }
    const later = {
      provide: Mail,
      useFactory: () => setImmediate(new Mail()),
    };
    await using test = await startContext({}, { providers: [Early, later] });
    const task = test.scheduler.schedule(test.context.get(Mail).send, 'x');
    expect(task.shielded).toBe(true);
    await expect(task.result()).resolves.toBe('shop to x');
  });

  it('is refused when two providers have it, and the error says to bind it', async () => {
    const two = [Mail, { provide: 'second', useClass: Mail }];
    await using test = await startContext({}, { providers: two });
    const mail = test.context.get(Mail);
    expect(() => test.scheduler.schedule(mail.send, 'x')).toThrow(usageError('TASK_HOST'));
    expect(() => test.scheduler.schedule(mail.send, 'x')).toThrow(
      "Cannot tell which provider method 'send' belongs to: 2 providers have it (Mail in RootTestModule, Mail in RootTestModule). Bind it, as in schedule(provider.send.bind(provider), …). Repeat the options of its decorators in task({...}): a bound function does not carry them.",
    );
    await expect(test.scheduler.schedule(mail.send.bind(mail), 'x').result()).resolves.toBe('shop to x');
    expect(() => test.scheduler.schedule(mail.plain)).toThrow(
      "Cannot tell which provider method 'plain' belongs to: 2 providers have it (Mail in RootTestModule, Mail in RootTestModule). Bind it, as in schedule(provider.plain.bind(provider), …).",
    );
  });

  it('is refused when two services inherit it, or two factories make instances of one class', async () => {
    class Table {
      constructor(private readonly rows: string[]) {}
      async save(row: string): Promise<void> {
        this.rows.push(row);
      }
    }
    class Crud {
      readonly name: string = '';
      touch(): string {
        return this.name;
      }
    }
    @Injectable()
    class Users extends Crud {}
    @Injectable()
    class Orders extends Crud {
      override readonly name = 'orders';
      override touch(): string {
        return super.touch();
      }
    }
    const tables = ['users', Symbol('audits')].map((provide) => ({ provide, useFactory: () => new Table([]) }));
    await using test = await startContext({}, { providers: [Users, Orders, ...tables] });
    const { scheduler, context } = test;
    expect(() => scheduler.schedule(context.get<Table>('users').save, 'x')).toThrow(
      /2 providers have it \(users in .*, Symbol\(audits\) in /,
    );
    expect(() => scheduler.schedule(context.get(Users).touch)).toThrow(/2 providers have it \(Users in .*, Orders in /);
    await expect(scheduler.schedule(context.get(Orders).touch).result()).resolves.toBe('orders');
  });

  it('runs without a host when it does without `this`, whoever has it', async () => {
    @Injectable()
    class Sums {
      add(a: number, b: number): number {
        // Neither a comment about this, nor the text 'this', nor that of another function counts.
        return ['this'].map(function (this: unknown) {
          return this === undefined ? a + b : NaN;
        })[0]!;
      }
      label(): string {
        return class {
          static readonly own = this.name;
        }.own;
      }
    }
    await using test = await startContext({}, { providers: [Sums, { provide: 'second', useClass: Sums }] });
    const sums = test.context.get(Sums);
    await expect(test.scheduler.schedule(sums.add, 1, 2).result()).resolves.toBe(3);
    expect(test.scheduler.schedule(sums.label).config.name).toBeUndefined();
    const { helper } = { helper: (): string => 'no this' };
    await expect(test.scheduler.schedule(helper).result()).resolves.toBe('no this');
    await expect(test.scheduler.schedule(new Sums().add, 2, 2).result()).resolves.toBe(4);
  });

  it('is refused when no provider has it, and it is a method that uses `this`', async () => {
    class Outside {
      #count = 1;
      readonly arrow = (): number => this.#count;
      read(): number {
        return this.#count;
      }
      async 'with a name'(): Promise<number> {
        return (() => this.#count)();
      }
      [COMPUTED](count = this.#count): number {
        return count;
      }
      static make(): unknown {
        return new this();
      }
    }
    class Derived extends Outside {
      override read(): number {
        return super.read();
      }
    }
    await using test = await startContext();
    const { scheduler } = test;
    const outside = new Outside();
    const literal = {
      count: 2,
      read(): number {
        return this.count;
      },
      async(): number {
        return this.count;
      },
    };
    for (const method of [
      outside.read,
      outside['with a name'],
      outside[COMPUTED],
      new Derived().read,
      Outside.make,
      literal.read,
      Object.getOwnPropertyDescriptor({ get value() { return this; } }, 'value')!.get!, // prettier-ignore
    ] as (() => unknown)[]) {
      expect(() => scheduler.schedule(method)).toThrow(usageError('TASK_HOST'));
    }
    expect(() => scheduler.schedule(outside.read)).toThrow(
      "Cannot tell which provider method 'read' belongs to: no provider of the application has it. Bind it, as in schedule(provider.read.bind(provider), …).",
    );
    expect(test.scheduler.counts.scheduled).toBe(0);
    await expect(scheduler.schedule(outside.read.bind(outside)).result()).resolves.toBe(1);
    await expect(scheduler.schedule(outside.arrow).result()).resolves.toBe(1);
  });

  it('leaves functions alone that are no methods, whatever they say of `this`', async () => {
    await using test = await startContext();
    async function named(this: unknown): Promise<unknown> {
      return this;
    }
    const functions = [
      named,
      function (this: unknown): unknown {
        return this;
      },
      async () => this,
      new Proxy(named, {}),
      named.bind(undefined),
      Object.defineProperty(named.bind(undefined), 'name', {
        get() {
          throw new Error('no name');
        },
      }),
    ];
    for (let round = 0; round < 70; round += 1) {
      for (const func of functions) await expect(test.scheduler.schedule(func).result()).resolves.toBeUndefined();
    }
  });

  it('runs on the class that is a provider itself when it is static', async () => {
    class Document {
      static readonly rows: string[] = [];
      static create(row: string): number {
        return this.rows.push(row);
      }
    }
    class Audit extends Document {
      static override readonly rows: string[] = [];
    }
    class Order extends Document {}
    const model = (provide: string, useValue: unknown) => ({ provide, useFactory: () => useValue });
    await using one = await startContext({}, { providers: [model('audit', Audit), { provide: 'x', useValue: Audit }] });
    await expect(one.scheduler.schedule(Audit.create, 'a').result()).resolves.toBe(1);
    expect([Audit.rows, Document.rows]).toEqual([['a'], []]);
    await using two = await startContext({}, { providers: [model('audit', Audit), model('order', Order)] });
    expect(() => two.scheduler.schedule(Audit.create, 'b')).toThrow(/2 providers have it \(audit in .*, order in /);
  });

  it('is found though other providers refuse to be looked at', async () => {
    const refuse = (): never => {
      throw new Error('no reflection');
    };
    const providers = [
      Mail,
      { provide: 'prototype', useFactory: () => new Proxy({}, { getPrototypeOf: refuse }) },
      { provide: 'keys', useFactory: () => Object.create(new Proxy({}, { ownKeys: refuse })) as object },
      { provide: 'class', useFactory: () => new Proxy(class {}, { ownKeys: refuse, getPrototypeOf: refuse }) },
    ];
    await using test = await startContext({}, { providers });
    await expect(test.scheduler.schedule(test.context.get(Mail).send, 'x').result()).resolves.toBe('shop to x');
  });

  it('is found on what the factory of a lazy module makes after the module was indexed', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    const made = new Gate();
    class Slow {
      readonly name = 'slow';
      read(): string {
        return this.name;
      }
    }
    @Module({ providers: [{ provide: Slow, useFactory: () => made.passed.then(() => new Slow()) }] })
    class LazyModule {}
    const loading = test.context.get(LazyModuleLoader).load(() => LazyModule);
    await setImmediate();
    await test.scheduler.schedule(test.context.get(Mail).plain).done; // builds the index
    made.pass();
    const slow = (await loading).get(Slow);
    await expect(test.scheduler.schedule(slow.read).result()).resolves.toBe('slow');
  });

  it('is refused when the instance was made aside, or each user has its own', async () => {
    @Injectable()
    class Made {
      readonly name = 'made';
      run(): string {
        return this.name;
      }
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Own extends Made {
      override run(): string {
        return this.name;
      }
    }
    @Injectable()
    class User {
      constructor(
        readonly own: Own,
        readonly ref: ModuleRef,
      ) {}
    }
    await using test = await startContext({}, { providers: [Own, User] });
    const { own, ref } = test.context.get(User);
    const made = await ref.create(Made);
    expect(() => test.scheduler.schedule(own.run)).toThrow(/its provider Own is request-scoped or transient/);
    expect(() => test.scheduler.schedule(made.run)).toThrow(usageError('TASK_HOST'));
  });

  it('is refused when its provider is request-scoped and there is no request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @Shielded()
      run(): void {}
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient {
      @Shielded()
      run(): void {}
    }
    await using test = await startContext({}, { providers: [Scoped, Transient] });
    expect(() => test.scheduler.schedule(Scoped.prototype.run)).toThrow(
      /its provider Scoped is request-scoped or transient, with no instance for this request/,
    );
    expect(() => test.scheduler.schedule(Transient.prototype.run)).toThrow(usageError('TASK_HOST'));
  });

  it('is found in modules that are loaded lazily', async () => {
    await using test = await startContext({}, { providers: [Mail] });
    await test.scheduler.schedule(test.context.get(Mail).plain).done; // builds the index
    @Injectable()
    class Lazy {
      constructor(@Inject('name') private readonly name: string) {}
      read(): string {
        return this.name;
      }
    }
    @Module({ providers: [Lazy, { provide: 'name', useValue: 'lazy' }] })
    class LazyModule {}
    const module = await test.context.get(LazyModuleLoader).load(() => LazyModule);
    await expect(test.scheduler.schedule(module.get(Lazy).read).result()).resolves.toBe('lazy');
  });

  it('keeps its decorators when it is static or belongs to no provider', async () => {
    class Static {
      @Shielded()
      static run(): string {
        return 'static';
      }
    }
    await using test = await startContext();
    const task = test.scheduler.schedule(Static.run);
    expect(task.shielded).toBe(true);
    await expect(task.result()).resolves.toBe('static');
  });
});
