import { describe, expect, it } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Arg,
  ConcurrencyLimit,
  Cooldown,
  Debounce,
  Durable,
  Logged,
  Perpetual,
  RateLimit,
  TasksConfigError,
  TasksModule,
  TasksUsageError,
} from 'nestjs-tasks';

async function boot(provider: Type): Promise<void> {
  const module = await Test.createTestingModule({ imports: [TasksModule.forRoot()], providers: [provider] }).compile();
  try {
    await module.init();
  } finally {
    await module.close();
  }
}

/** Each class is declared when its test runs, so that nothing is refused before the application starts. */
const MISUSES: readonly [what: string, declare: () => Type, error: Type<Error>, ...message: RegExp[]][] = [
  [
    'two Perpetuals',
    () => {
      @Injectable()
      class Jobs {
        @Perpetual({ every: '1m' })
        @Perpetual({ every: '2m' })
        tick(): void {}
      }
      return Jobs;
    },
    TasksUsageError,
    /Task 'Jobs\.tick' has two @Perpetual\(\)/,
  ],
  [
    'no interval with automatic',
    () => {
      @Injectable()
      class Jobs {
        @Durable('tick')
        @Perpetual({ every: 0, automatic: true })
        run(): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@Perpetual\(\) on task 'tick': every is 0/,
  ],
  [
    'a bad cron expression',
    () => {
      @Injectable()
      class Jobs {
        @Perpetual({ cron: 'every day' })
        tick(): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /task 'Jobs\.tick': cron is 'every day'/,
  ],
  [
    'a bad time zone',
    () => {
      @Injectable()
      class Jobs {
        @Perpetual({ cron: '0 3 * * *', tz: 'Berlin' })
        tick(): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /task 'Jobs\.tick': tz is 'Berlin'/,
  ],
  [
    'required arguments of an automatic task',
    () => {
      @Injectable()
      class Jobs {
        @Perpetual({ every: '1m', automatic: true })
        tick(_cursor: string, _limit = 5): void {}
      }
      return Jobs;
    },
    TasksUsageError,
    /task 'Jobs\.tick'.*parameter '_cursor' has no default/,
  ],
  [
    'a limit below 1',
    () => {
      @Injectable()
      class Jobs {
        @Durable('export')
        run(@ConcurrencyLimit(0) _userId: number): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@ConcurrencyLimit\(\) on parameter '_userId' of task 'export' is 0\. Allowed: a whole number from 1/,
  ],
  [
    'a limit on a method below 1',
    () => {
      @Injectable()
      class Jobs {
        @Durable('export')
        @ConcurrencyLimit(1.5)
        run(): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@ConcurrencyLimit\(\) on task 'export' is 1\.5/,
  ],
  [
    'an empty scope',
    () => {
      @Injectable()
      class Jobs {
        @Durable('export')
        run(@Arg('user') @ConcurrencyLimit(1, { scope: '' }) _userId: number): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /parameter 'user' of task 'export': scope is ''/,
  ],
  [
    'a path that leads nowhere',
    () => {
      @Injectable()
      class Jobs {
        @Durable('export')
        @ConcurrencyLimit(1, { by: 'customer.id' })
        run(_order: string, _amount: number): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /by is 'customer\.id'.*_order, _amount/,
  ],
  [
    'a path with a hole',
    () => {
      @Injectable()
      class Jobs {
        @Durable('export')
        run(@ConcurrencyLimit(1, { by: 'a..b' }) _order: object): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /by is 'a\.\.b'/,
  ],
  [
    'a rate limit of none',
    () => {
      @Injectable()
      class Jobs {
        @Durable('notify')
        run(@RateLimit(0, { per: '1m' }) _to: string): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@RateLimit\(\) on parameter '_to' of task 'notify' is 0/,
  ],
  [
    'a rate limit without a time',
    () => {
      @Injectable()
      class Jobs {
        @Durable('notify')
        @RateLimit(5, {} as never)
        run(): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@RateLimit\(\) on task 'notify': per is undefined/,
  ],
  [
    'a cooldown of nothing',
    () => {
      @Injectable()
      class Jobs {
        @Durable('refresh')
        run(@Cooldown(0) _id: string): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@Cooldown\(\) on parameter '_id' of task 'refresh': the window is 0/,
  ],
  [
    'a longest wait that is shorter than the window',
    () => {
      @Injectable()
      class Jobs {
        @Durable('index')
        run(@Debounce('5s', { maxWait: '1s' }) _id: string): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /maxWait is '1s'.*no less than the window/,
  ],
  [
    'two Debounces',
    () => {
      @Injectable()
      class Jobs {
        @Durable('index')
        run(@Debounce('5s') _id: string, @Debounce('1s') _other: string): void {}
      }
      return Jobs;
    },
    TasksUsageError,
    /Task 'index' has two @Debounce\(\)/,
  ],
  [
    'an empty name',
    () => {
      @Injectable()
      class Jobs {
        @Durable('index')
        run(_first: string, @Arg('') _id: string): void {}
      }
      return Jobs;
    },
    TasksConfigError,
    /@Arg\(\) on parameter #2 of task 'index' is ''/,
  ],
  [
    'a behaviour of a method that is not durable',
    () => {
      @Injectable()
      class Jobs {
        run(@Logged() _id: string): void {}
      }
      return Jobs;
    },
    TasksUsageError,
    /Jobs\.run in .* has @Logged\(\), which needs a durable task\. Put @Durable\(\)/,
  ],
];

describe('at the start, an application refuses', () => {
  it.each(MISUSES)('%s', async (_, declare, error, ...messages) => {
    const failure: unknown = await boot(declare()).catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(error);
    for (const message of messages) expect((failure as Error).message).toMatch(message);
  });

  it('none of what is right', async () => {
    @Injectable()
    class Jobs {
      @Durable('right')
      @Perpetual({ cron: '*/10 * * * * *', tz: 'Europe/Berlin', automatic: true })
      @ConcurrencyLimit(3, { by: 'a.b' })
      @RateLimit(5, { per: '1m', drop: true })
      run(
        @Arg('a') @Logged({ lengthOnly: true }) @ConcurrencyLimit(1) @ConcurrencyLimit(2, { by: 'x.y' }) _a = {},
        @Cooldown('1s') @Debounce('1s', { maxWait: '1s', scope: 's' }) _b = 1,
      ): void {}
    }
    await expect(boot(Jobs)).resolves.toBeUndefined();
  });
});

describe('a behaviour', () => {
  it('is refused at once on a constructor', () => {
    expect(() => {
      class Jobs {
        constructor(@Logged() readonly name: string) {}
      }
      return Jobs;
    }).toThrow(TasksConfigError);
  });

  it('is of the class that declares the method: another method of the same name has its own', async () => {
    class Base {
      @Durable('base')
      run(@ConcurrencyLimit(0) _id: string): void {}
    }
    @Injectable()
    class Jobs extends Base {
      @Durable('own')
      override run(_id: string): void {}
    }
    await expect(boot(Jobs)).resolves.toBeUndefined();
    @Injectable()
    class Heir extends Base {}
    await expect(boot(Heir)).rejects.toThrow("parameter '_id' of task 'base'");
  });
});
