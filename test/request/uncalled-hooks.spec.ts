import { describe, expect, it } from '@jest/globals';
import { Controller, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { TaskScheduler, TasksService } from 'nestjs-tasks';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';

async function warningsOf(providers: Type[], controllers: Type[] = []): Promise<string[]> {
  const logs = new LogLines();
  const module = await compile({ providers, controllers }, {}, logs);
  await module.init();
  await module.close();
  return logs.matching('warn ');
}

const warning = (provider: string, hooks: string): string =>
  `warn Provider ${provider} injects TasksService and is request-scoped by that, so Nest never calls its ${hooks}. Inject TaskScheduler instead. Tasks`;

describe('a lifecycle hook of a class that injects TasksService', () => {
  it('is a warning, since Nest never calls it', async () => {
    @Injectable()
    class Cache implements OnModuleInit {
      constructor(readonly tasks: TasksService) {}
      onModuleInit(): void {
        throw new Error('called');
      }
    }
    expect(await warningsOf([Cache])).toEqual([warning('Cache', 'onModuleInit()')]);
  });

  it('is one in a controller, an inherited hook included', async () => {
    class Base {
      onModuleDestroy(): void {}
    }
    @Controller()
    class Orders extends Base {
      constructor(readonly tasks: TasksService) {
        super();
      }
      onApplicationBootstrap(): void {}
    }
    expect(await warningsOf([], [Orders])).toEqual([warning('Orders', 'onApplicationBootstrap(), onModuleDestroy()')]);
  });

  it('is none with TaskScheduler, nor without a hook', async () => {
    let called = 0;
    @Injectable()
    class Cache implements OnModuleInit {
      constructor(readonly scheduler: TaskScheduler) {}
      onModuleInit(): void {
        called += 1;
      }
    }
    @Injectable()
    class Mail {
      constructor(readonly tasks: TasksService) {}
    }
    expect(await warningsOf([Cache, Mail])).toEqual([]);
    expect(called).toBe(1);
  });
});
