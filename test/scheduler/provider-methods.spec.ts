import { Inject, Injectable, Module, Scope, type OnModuleInit } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { Shielded, TaskHostError, TaskScheduler } from 'nestjs-tasks';
import { startContext } from '../support/context.js';

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
      useFactory: () => new Promise<Mail>((resolve) => setImmediate(resolve, new Mail())),
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
    expect(() => test.scheduler.schedule(mail.send, 'x')).toThrow(TaskHostError);
    expect(() => test.scheduler.schedule(mail.send, 'x')).toThrow(
      'send was passed unbound, and 2 providers have it: Mail in RootTestModule, Mail in RootTestModule. Bind it, as in schedule(provider.send.bind(provider), …), and repeat the options of its decorators in task({...}): a bound function does not carry them.',
    );
    await expect(test.scheduler.schedule(mail.send.bind(mail), 'x').result()).resolves.toBe('shop to x');
    // Without decorators it is any function, and gets no `this`.
    await expect(test.scheduler.schedule(mail.plain).result()).resolves.toBeUndefined();
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
    expect(() => test.scheduler.schedule(Transient.prototype.run)).toThrow(TaskHostError);
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
