import { Controller, Get, Inject, Injectable } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  OnTaskError,
  Shielded,
  Tasks,
  TasksConfigError,
  TasksService,
  type OnTaskErrorOption,
  type Task,
  type TaskErrorHandler,
} from 'nestjs-tasks';
import { ADAPTERS, send, startApp, type WatchedApp } from '../support/app.js';

/** Handlers that write down their name and the task's. */
const handled: string[] = [];
const handler =
  (name: string) =>
  (task: Task): void =>
    void handled.push(`${name} handles ${task.name}`);

const plain = (): void => {};
const fail = (): never => {
  throw new Error('bad');
};

@Injectable()
class ProviderHandler implements TaskErrorHandler {
  private readonly name = 'provider';
  onTaskError(task: Task): void {
    handler(this.name)(task);
  }
}

@Injectable()
class PaymentTasks {
  private readonly id = 'payments';

  @Shielded()
  @OnTaskError(handler('method'))
  finalize(): string {
    return this.id;
  }

  @Shielded(false)
  unshielded(): string {
    return this.id;
  }

  @OnTaskError(null)
  failUnhandled(): never {
    throw new Error(this.id);
  }

  @OnTaskError(ProviderHandler)
  failHandled(): never {
    throw new Error(this.id);
  }
}

@Injectable()
@Shielded()
class ShieldedTasks {
  send(): void {}

  @Shielded(false)
  log(): void {}
}

@Controller('bare')
class BareController {
  constructor(
    private readonly payments: PaymentTasks,
    private readonly shieldedTasks: ShieldedTasks,
  ) {}

  @Get()
  get(@Tasks() tasks: TasksService) {
    tasks.schedule(plain);
    tasks.afterRoute.schedule(plain);
    tasks.afterResponse.task({ shield: false }).schedule(plain);
    tasks.task({ name: 'own', shield: false, onError: handler('own') }).schedule(fail);
    tasks.task({ name: 'cleared', onError: null }).schedule(fail);
    tasks.task({ name: 'inherited' }).schedule(fail);
  }

  @Get('route')
  @Shielded(false)
  @OnTaskError(handler('route'))
  route(@Tasks() tasks: TasksService) {
    tasks.schedule(plain);
    tasks.task({ name: 'of route' }).schedule(fail);
    tasks.schedule(this.payments.finalize);
    tasks.task({ shield: false }).schedule(this.payments.finalize);
    tasks.task({ name: 'unhandled' }).schedule(this.payments.failUnhandled);
    tasks.task({ name: 'handled' }).schedule(this.payments.failHandled);
    tasks.schedule(this.shieldedTasks.send);
    tasks.schedule(this.shieldedTasks.log);
  }
}

@Controller('class')
@Shielded(false)
@OnTaskError(handler('controller'))
class DecoratedController {
  constructor(@Inject(PaymentTasks) private readonly payments: PaymentTasks) {}

  @Get()
  get(@Tasks() tasks: TasksService) {
    tasks.task({ name: 'of class' }).schedule(fail);
    tasks.schedule(this.payments.unshielded);
  }

  @Get('route')
  @Shielded()
  @OnTaskError(handler('route'))
  route(@Tasks() tasks: TasksService) {
    tasks.task({ name: 'of route' }).schedule(fail);
    tasks.schedule(this.payments.unshielded);
  }
}

@Controller('derived')
class DerivedController extends DecoratedController {}

describe.each(ADAPTERS)('the layers of options on %s', (_name, adapter) => {
  let test: WatchedApp;

  beforeAll(async () => {
    test = await startApp(
      {
        controllers: [BareController, DecoratedController, DerivedController],
        providers: [PaymentTasks, ShieldedTasks, ProviderHandler],
      },
      { shield: true, onError: handler('module') },
      adapter,
    );
  });
  afterAll(() => test.app.close());

  async function get(path: string): Promise<void> {
    test.tasks.forgetScheduled();
    handled.length = 0;
    expect((await send(`${test.url}/${path}`)).status).toBe(200);
    await test.tasks.idle();
  }

  const shields = (): boolean[] => test.tasks.scheduled.map(({ shielded }) => shielded);

  it('are the module and task() where nothing is decorated', async () => {
    await get('bare');
    expect(shields()).toEqual([true, true, false, false, true, true]);
    expect(handled).toEqual(['own handles own', 'module handles inherited']);
  });

  it('are the route over the module, the method over the route, task() over all', async () => {
    await get('bare/route');
    expect(shields()).toEqual([false, false, true, false, false, false, true, false]);
    expect(handled).toEqual(['route handles of route', 'provider handles handled']);
    const { finalize } = PaymentTasks.prototype;
    const task = test.tasks.expectScheduled(finalize, { name: 'finalize', shielded: true });
    expect(task.config.onError).not.toBe(test.tasks.expectScheduled(plain).config.onError);
    await expect(task.result()).resolves.toBe('payments');
  });

  it('are the controller over the module', async () => {
    await get('class');
    expect(shields()).toEqual([false, false]);
    expect(handled).toEqual(['controller handles of class']);
  });

  it('are the route over the controller', async () => {
    await get('class/route');
    expect(shields()).toEqual([true, false]);
    expect(handled).toEqual(['route handles of route']);
  });

  it('are inherited with the controller class', async () => {
    await get('derived');
    expect(handled).toEqual(['controller handles of class']);
  });
});

describe('the decorators', () => {
  it('refuse what cannot be used, when the class is defined', () => {
    expect(() => Shielded('yes' as unknown as boolean)).toThrow("@Shielded().shield is 'yes'. Allowed: true or false.");
    for (const wrong of ['log', undefined, class Handler {}]) {
      expect(() => OnTaskError(wrong as unknown as OnTaskErrorOption)).toThrow(TasksConfigError);
    }
  });

  it('leave what other decorators of the library said of the same class and its base', () => {
    @OnTaskError(fail)
    class Base {}
    @Shielded()
    class Derived extends Base {}
    expect(Reflect.getMetadata('nestjs-tasks:config', Derived)).toEqual({ shield: true, onError: fail });
    expect(Reflect.getMetadata('nestjs-tasks:config', Base)).toEqual({ onError: fail });
  });
});
