import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller, Get, Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Tasks, TasksService } from 'nestjs-tasks';
import { ADAPTERS, Gate, send, startApp } from '../support/app.js';

@Controller()
class WorkController {
  gate = new Gate();

  @Get('work')
  work(@Tasks() tasks: TasksService) {
    tasks.afterResponse.task({ name: 'mail', onError: () => this.gate.passed }).schedule(() => {
      throw new Error('no mail today');
    });
    tasks.schedule(() => 'at once');
    return 'answered';
  }

  @Get('fails')
  fails(@Tasks() tasks: TasksService) {
    tasks.afterResponse.schedule(() => 'never');
    throw new Error('no');
  }
}

const platform = new AsyncLocalStorage<string>();

/** A platform that knows its request by the async context. */
@Module({})
class PlatformModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((_request: unknown, _response: unknown, next: () => void) => platform.run('the request', next))
      .forRoutes(WorkController);
  }
}

describe.each(ADAPTERS)('waitUntil on %s', (_name, adapter) => {
  it('gets a promise of the end of each task, onError included, in the context of the request', async () => {
    const contexts: unknown[] = [];
    const pending: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>): void => {
      contexts.push(platform.getStore());
      pending.push(promise);
    };
    await using test = await startApp(
      { imports: [PlatformModule], controllers: [WorkController] },
      { waitUntil },
      adapter,
    );
    await send(`${test.url}/work`);
    expect(contexts).toEqual(['the request', 'the request']);
    const [mail, immediate] = pending;
    await expect(immediate).resolves.toMatchObject({ status: 'succeeded' });
    const first = await Promise.race([mail, new Promise((resolve) => setImmediate(resolve, 'onError still runs'))]);
    expect(first).toBe('onError still runs');
    test.app.get(WorkController).gate.pass();
    await expect(mail).resolves.toMatchObject({ status: 'failed' });
  });

  it('gets promises that end when the tasks are discarded', async () => {
    const pending: Promise<unknown>[] = [];
    await using test = await startApp(
      { controllers: [WorkController] },
      { waitUntil: (promise) => void pending.push(promise) },
      adapter,
    );
    await send(`${test.url}/fails`);
    await expect(Promise.all(pending)).resolves.toMatchObject([{ status: 'discarded' }]);
  });

  it('does no harm when it throws: that is logged, and the tasks run', async () => {
    const refuse = new Error('called outside of a request');
    let isFirst = true;
    const waitUntil = (): void => {
      const [sync] = [isFirst, (isFirst = false)];
      if (sync) throw refuse;
      return Promise.reject(refuse) as never; // as some platforms do
    };
    await using test = await startApp({ controllers: [WorkController] }, { waitUntil }, adapter);
    test.app.get(WorkController).gate.pass();
    expect((await send(`${test.url}/work`)).status).toBe(200);
    await test.scheduler.idle();
    expect(test.scheduler.counts).toMatchObject({ failed: 1, succeeded: 1 });
    expect(test.logs.matching('Option waitUntil failed for task')).toHaveLength(2);
  });
});
