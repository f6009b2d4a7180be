import { describe, expect, it } from '@jest/globals';
import { Controller, Injectable, Module, Scope, type ModuleMetadata } from '@nestjs/common';
import { Durable, TaskQueue, TasksConfigError, type Task, type TaskErrorHandler } from 'nestjs-tasks';
import { startContext } from '../../support/context.js';
import { usageError } from '../../support/usage-error.js';

async function failureOf(metadata: ModuleMetadata): Promise<Error> {
  const failure = await startContext({}, metadata).then(
    (test) => test.context.close(),
    (error: unknown) => error as Error,
  );
  if (failure === undefined) throw new Error('The application has started');
  return failure;
}

@Injectable()
class Orders {
  @Durable('process')
  process(): string {
    return 'orders';
  }
}

@Injectable()
class Invoices {
  @Durable('process')
  print(): void {}
}

@Module({ providers: [Orders] })
class OrdersModule {}
@Module({ providers: [Invoices] })
class InvoicesModule {}

describe('two tasks of one name', () => {
  it('stop the start, and both are named', async () => {
    const error = await failureOf({ imports: [OrdersModule, InvoicesModule] });
    expect(error).toEqual(usageError('TASK_REGISTRATION'));
    expect(error.message).toBe(
      "Two durable tasks are named 'process': Orders.process in OrdersModule and Invoices.print in InvoicesModule. " +
        'Give one of them another name: @Durable(name).',
    );
  });

  it('stop it when one class is provided in two modules', async () => {
    @Module({ providers: [Orders] })
    class CopyModule {}
    const error = await failureOf({ imports: [OrdersModule, CopyModule] });
    expect(error).toEqual(usageError('TASK_REGISTRATION'));
    expect(error.message).toContain('Orders.process in OrdersModule and Orders.process in CopyModule');
    expect(error.message).toContain('Provide the class in one module, and export it from there.');
  });

  it('are none when one overrides the other', async () => {
    @Injectable()
    class Special extends Orders {
      @Durable('process')
      override process(): string {
        return 'special';
      }
    }
    await using test = await startContext({}, { providers: [Special] });
    const execution = await test.context.get(TaskQueue).add(test.context.get(Special).process)();
    expect(await execution.result()).toBe('special');
  });

  it('are none when a class is provided under an alias too', async () => {
    await using test = await startContext({}, { providers: [Orders, { provide: 'ALIAS', useExisting: Orders }] });
    expect(await (await test.context.get(TaskQueue).add('process')()).result()).toBe('orders');
  });
});

describe('a task that has no instance to run on', () => {
  it('stops the start on a controller', async () => {
    @Controller()
    class OrdersController {
      @Durable('orders.process')
      process(): void {}
    }
    const error = await failureOf({ controllers: [OrdersController] });
    expect(error).toEqual(usageError('TASK_REGISTRATION'));
    expect(error.message).toBe(
      "Durable task 'orders.process' is declared by OrdersController.process in RootTestModule, but OrdersController is a controller. " +
        'Move the method to a provider of default or request scope.',
    );
  });

  it('stops the start on a transient provider', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Passing {
      @Durable()
      process(): void {}
    }
    const error = await failureOf({ providers: [Passing] });
    expect(error).toEqual(usageError('TASK_REGISTRATION'));
    expect(error.message).toContain("Durable task 'Passing.process'");
    expect(error.message).toContain('but Passing is transient, with no instance to run on');
  });
});

describe('a task that inherits', () => {
  abstract class Base {
    who(): string {
      return this.constructor.name;
    }

    @Durable()
    inherited(): string {
      return this.who();
    }
  }

  @Injectable()
  class First extends Base {}
  @Injectable()
  class Second extends Base {}

  it('has the name of each class, and runs on it', async () => {
    await using test = await startContext({}, { providers: [First, Second] });
    const queue = test.context.get(TaskQueue);
    expect(await (await queue.add('First.inherited')()).result()).toBe('First');
    expect(await (await queue.add('Second.inherited')()).result()).toBe('Second');
    const { inherited } = test.context.get(First);
    expect(() => queue.add(inherited)).toThrow(usageError('TASK_REGISTRATION'));
    expect(() => queue.add(inherited)).toThrow(
      "Several durable tasks share this method: 'First.inherited' (First.inherited in RootTestModule), 'Second.inherited'",
    );
  });

  it('is none where it is overridden without the decorator', async () => {
    @Injectable()
    class Plain extends Base {
      override inherited(): string {
        return 'plain';
      }
    }
    await using test = await startContext({}, { providers: [Plain] });
    const queue = test.context.get(TaskQueue);
    expect(() => queue.add('Plain.inherited')).toThrow('Declared: none.');
    // And says why.
    const why =
      "Plain.inherited overrides Base.inherited, which has @Durable(). Put @Durable('Plain.inherited') on Plain.inherited too.";
    expect(() => queue.add('Plain.inherited')).toThrow(why);
    expect(() => queue.add(test.context.get(Plain).inherited)).toThrow(
      `the function inherited is not a durable task. Declared: none. ${why}`,
    );
  });
});

describe('what is no task', () => {
  it('is told from one by what was passed', async () => {
    @Injectable()
    class Unprovided {
      @Durable('unprovided')
      run(): void {}
    }
    await using test = await startContext({}, { providers: [Orders] });
    const queue = test.context.get(TaskQueue);
    expect(() => queue.add(Unprovided.prototype.run)).toThrow(
      'The method has @Durable(), but no module provides its class',
    );
    const orders = test.context.get(Orders);
    expect(() => queue.add(orders.process.bind(orders))).toThrow('The function is bound. Pass the method itself');
    expect(() => queue.add(() => orders.process())).toThrow('Declared: process. Put @Durable() on the method');
  });
});

describe('a task on what is no class', () => {
  it('is found on what a factory makes, and on a value', async () => {
    class Made {
      @Durable('made.run')
      run(): string {
        return 'made';
      }
    }
    class Given {
      @Durable('given.run')
      run(): string {
        return 'given';
      }
    }
    const providers = [
      { provide: 'MADE', useFactory: () => Promise.resolve(new Made()) },
      { provide: 'GIVEN', useValue: new Given() },
    ];
    await using test = await startContext({}, { providers });
    const queue = test.context.get(TaskQueue);
    expect(await (await queue.add('made.run')()).result()).toBe('made');
    expect(await (await queue.add(Given.prototype.run)()).result()).toBe('given');
  });
});

describe('a task that is declared wrongly', () => {
  it('stops the start when nobody provides its error handler', async () => {
    class Nowhere implements TaskErrorHandler {
      onTaskError(_task: Task): void {}
    }
    @Injectable()
    class Jobs {
      @Durable({ onError: Nowhere })
      run(): void {}
    }
    const error = await failureOf({ providers: [Jobs] });
    expect(error).toBeInstanceOf(TasksConfigError);
    expect(error.message).toContain('Nowhere');
  });

  it.each([
    ['an empty name', () => Durable(''), '@Durable() name'],
    ['no number of attempts', () => Durable({ retry: { attempts: 0 } }), '@Durable().retry.attempts'],
    ['an unreadable delay', () => Durable('x', { retry: { delay: 'soon' } }), '@Durable().retry.delay'],
    ['an unreadable timeout', () => Durable({ timeout: 'soon' }), '@Durable().timeout'],
    ['no handler', () => Durable({ onError: 'log' as never }), '@Durable().onError'],
  ])('throws where the class is defined: %s', (_what, decorate, option) => {
    expect(decorate).toThrow(TasksConfigError);
    expect(decorate).toThrow(option);
  });

  it('throws on what is no method', () => {
    const decorate = Durable();
    expect(() => decorate(Orders.prototype, 'total', { get: () => 1 })).toThrow('@Durable() on total');
    expect(() => decorate(Orders.prototype, 'total', undefined as never)).toThrow(TasksConfigError);
  });
});
