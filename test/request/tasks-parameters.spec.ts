import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, SetMetadata, type Type } from '@nestjs/common';
import { Durable, Tasks, TasksConfigError, type TasksService } from 'nestjs-tasks';
import { startContext } from '../support/context.js';

const start = async (providers: Type[], controllers: Type[] = []): Promise<void> => {
  await using test = await startContext({}, { providers, controllers });
  expect(test.logs.lines).toEqual([]);
};

describe('@Tasks() on a method that is no handler', () => {
  it.each<[what: string, declare: () => Type]>([
    [
      'a plain one',
      () => {
        @Injectable()
        class Mail {
          send(@Tasks() tasks: TasksService): void {
            tasks.schedule(() => {});
          }
        }
        return Mail;
      },
    ],
    [
      'a durable task',
      () => {
        @Injectable()
        class Mail {
          @Durable('mail')
          send(@Tasks() tasks: TasksService): void {
            tasks.schedule(() => {});
          }
        }
        return Mail;
      },
    ],
    [
      'an inherited one',
      () => {
        class Base {
          send(@Tasks() tasks: TasksService): void {
            tasks.schedule(() => {});
          }
        }
        @Injectable()
        class Mail extends Base {}
        Object.defineProperty(Base, 'name', { value: 'Mail' });
        return Mail;
      },
    ],
  ])('stops the start: %s', async (_what, declare) => {
    const started = start([declare()]);
    await expect(started).rejects.toThrow(TasksConfigError);
    await expect(started).rejects.toThrow(
      '@Tasks() on Mail.send in RootTestModule is on a method that Nest does not call for requests. Allowed: a handler of a controller',
    );
  });

  it('stops it in a controller, too', async () => {
    @Controller()
    class Home {
      @Get()
      get(): void {}
      help(@Tasks() _tasks: TasksService): void {}
    }
    await expect(start([], [Home])).rejects.toThrow('@Tasks() on Home.help');
  });

  it('is none on handlers of Nest and of other libraries, nor on what overrides one', async () => {
    @Controller()
    class Home {
      @Get()
      get(@Tasks() _tasks: TasksService): void {}
    }
    @Controller()
    class Silent extends Home {
      override get(): void {}
    }
    @Injectable()
    class Bot {
      @SetMetadata('bot:command', 'start')
      command(@Tasks() _tasks: TasksService): void {}
    }
    await expect(start([Bot], [Home, Silent])).resolves.toBeUndefined();
  });
});
