import { describe, expect, it } from '@jest/globals';
import { Module, type DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ConcurrencyLimit,
  Cooldown,
  Debounce,
  Durable,
  Logged,
  Perpetual,
  RateLimit,
  TasksConfigError,
  TasksModule,
  type TasksModuleOptions,
} from 'nestjs-tasks';
import { KnownOptions } from '../../lib/task/known-options.js';
import { startContext } from '../support/context.js';
import { LogLines } from '../support/log-lines.js';

/** What a factory or JavaScript may pass, and the compiler would refuse. */
const loose = <T>(options: object): T => options as T;

async function refusalOf(module: DynamicModule): Promise<string> {
  @Module({ imports: [module] })
  class AppModule {}
  const error: unknown = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(new LogLines())
    .compile()
    .then(
      (made) => made.close(),
      (refused: unknown) => refused,
    );
  if (!(error instanceof TasksConfigError)) throw new Error(`Nothing was refused: ${String(error)}`);
  return error.message;
}

describe('an option that does not exist', () => {
  it.each<[options: object, name: string, guess: string]>([
    [{ concurrancy: 5 }, 'concurrancy is no option of TasksModule.forRoot()', 'did you mean concurrency?'],
    [{ onerror: () => {} }, 'onerror is no option of TasksModule.forRoot()', 'did you mean onError?'],
    [{ shuntdown: {} }, 'shuntdown is no option of TasksModule.forRoot()', 'did you mean shutdown?'],
    [
      { retry: { attempts: 5 } },
      'retry is no option of TasksModule.forRoot()',
      '@Durable(name, { retry: { attempts: 5',
    ],
    [{ url: 'redis://localhost' }, 'url is no option of TasksModule.forRoot()', 'use queue: { url }'],
    [{ queue: { redis: 'redis://' } }, 'redis is no option of queue', "use url: 'redis://…'"],
    [{ queue: { host: 'localhost' } }, 'host is no option of queue', 'connection: { host, port'],
    [{ queue: { retenton: '1h' } }, 'retenton is no option of queue', 'did you mean retention?'],
    [{ queue: { worker: { concurency: 5 } } }, 'concurency is no option of queue.worker', 'did you mean concurrency?'],
    [{ queue: { worker: { lockDuration: 5 } } }, 'lockDuration is no option of queue.worker', 'use lease'],
    [{ shutdown: { gracePeriode: 5 } }, 'gracePeriode is no option of shutdown', 'did you mean gracePeriod?'],
    [{ pools: { mail: { max: 5 } } }, 'max is no option of pools.mail', 'use concurrency'],
    [{ threads: { maxThreads: 5 } }, 'maxThreads is no option of threads', 'use max'],
    [{ threads: { resourceLimits: { heap: 5 } } }, 'heap is no option of threads.resourceLimits', 'Allowed: '],
  ])('stops the start: %j', async (options, name, guess) => {
    const message = await refusalOf(TasksModule.forRoot(loose<TasksModuleOptions>(options)));
    expect(message).toContain(name);
    expect(message).toContain(guess);
  });

  it('stops the start when a factory has made it, and where the options of the factory stand beside it', async () => {
    const options = loose<TasksModuleOptions>({ concurrancy: 5 });
    expect(await refusalOf(TasksModule.forRootAsync({ useFactory: () => options }))).toContain('concurrency');
    const beside = { useFactory: () => ({}), concurrency: 5 };
    expect(() => TasksModule.forRootAsync(beside)).toThrow(
      'concurrency is no option of TasksModule.forRootAsync() (use useFactory, and return concurrency from there)',
    );
  });

  it('is named without its value, which may be a password', async () => {
    const module = TasksModule.forRoot(loose<TasksModuleOptions>({ queue: { password: 'secret' } }));
    const error: unknown = await refusalOf(module);
    expect(error).toContain('password is no option of queue');
    expect(error).not.toContain('secret');
  });

  it('is refused by task(), at once', async () => {
    await using test = await startContext();
    const { scheduler } = test;
    expect(() => scheduler.task(loose({ shielded: true }))).toThrow('shielded is no option of task() (use shield)');
    expect(() => scheduler.task(loose({ retry: { attempts: 5 } }))).toThrow('@Durable(name, { retry: { attempts } })');
    expect(() => scheduler.task(loose({ nmae: 'x' }))).toThrow('did you mean name?');
    expect(() => scheduler.task(loose({ thread: { file: '/x.js', exports: 'y' } }))).toThrow(
      'exports is no option of task().thread (did you mean export?)',
    );
    expect(
      await scheduler
        .task(loose({ name: 'x', delay: undefined }))
        .schedule(() => 7)
        .result(),
    ).toBe(7);
  });

  it.each<[decorate: () => unknown, message: string]>([
    [() => Durable(loose({ attempts: 5 })), 'attempts is no option of @Durable() (use retry: { attempts })'],
    [() => Durable(loose({ name: 'x' })), 'name is no option of @Durable() (use @Durable(name, options))'],
    [() => Durable('x', loose({ runOn: 'always' })), 'runOn is no option of @Durable() (use tasks.task({ runOn })'],
    [() => Durable('x', loose({ pool: 'mail' })), 'pool is no option of @Durable() (use @ConcurrencyLimit(max)'],
    [
      () => Durable('x', loose({ priority: 5 })),
      'priority is no option of @Durable() (use queue.add(task, { priority }))',
    ],
    [
      () => Durable('x', loose({ retry: { attemps: 5 } })),
      'attemps is no option of @Durable().retry (did you mean attempts?)',
    ],
    [() => Perpetual(loose({ evry: '1m' })), 'evry is no option of @Perpetual() (did you mean every?)'],
    [() => Perpetual(loose({ timeZone: 'UTC' })), 'timeZone is no option of @Perpetual() (use tz)'],
    [() => ConcurrencyLimit(1, loose({ scop: 'x' })), 'scop is no option of @ConcurrencyLimit() (did you mean scope?)'],
    [() => RateLimit(1, loose({ duration: '1m' })), 'duration is no option of @RateLimit() (use per)'],
    [() => Cooldown('1s', loose({ window: '2s' })), 'window is no option of @Cooldown()'],
    [() => Debounce('1s', loose({ maxwait: '2s' })), 'maxwait is no option of @Debounce() (did you mean maxWait?)'],
    [() => Logged(loose({ lenghtOnly: true })), 'lenghtOnly is no option of @Logged() (did you mean lengthOnly?)'],
    [() => Cooldown('1s', loose('2s' as never)), "@Cooldown() options is '2s'. Allowed: an object of options"],
  ])('is refused where the class is defined: %s', (decorate, message) => {
    expect(decorate).toThrow(TasksConfigError);
    expect(decorate).toThrow(message);
  });
});

describe('KnownOptions', () => {
  const known = new KnownOptions<{ when: 1; key: 1; priority: 1 }>(
    { when: true, key: true, priority: true },
    { delay: 'when' },
  );

  it('finds nothing wrong with known options, in what is no object, and in undefined ones', () => {
    for (const options of [{}, { when: 1, key: 2, priority: 3 }, { delay: undefined }, null, 'text', 7]) {
      expect(known.find(options as object, 'x')).toBeUndefined();
    }
  });

  it('leaves alone what an object inherits', () => {
    class Options {
      get delay(): number {
        return 5;
      }
    }
    expect(known.find(new Options(), 'x')).toBeUndefined();
    expect(known.find(Object.create({ delay: 5 }) as object, 'x')).toBeUndefined();
  });

  it('is not taken in by names of every object', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty'];
    for (const name of names) expect(known.find({ [name]: 1 }, 'x')?.name).toBe(name);
    const [proto] = Object.keys(JSON.parse('{"__proto__": 1}') as object);
    expect(known.find(JSON.parse('{"__proto__": 1}') as object, 'x')?.name).toBe(proto);
  });

  it.each([
    ['wehn', ' (did you mean when?)'],
    ['WHEN', ' (did you mean when?)'],
    ['prioritiy', ' (did you mean priority?)'],
    ['kye', ' (did you mean key?)'],
    ['delay', ' (use when)'],
    ['somethingElse', ''],
  ])('guesses what %s was meant to be', (name, guess) => {
    expect(known.find({ [name]: 1 }, 'add()')).toEqual({
      name,
      what: `no option of add()${guess}`,
      allowed: 'key, priority, when',
    });
  });
});
