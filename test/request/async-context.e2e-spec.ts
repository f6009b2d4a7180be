import { AsyncLocalStorage } from 'node:async_hooks';
import { Controller, Get } from '@nestjs/common';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { currentTask, Tasks, TasksService, type TaskConfig, type TasksModuleOptions } from 'nestjs-tasks';
import { ADAPTERS, send, startApp } from '../support/app.js';

/** As an ORM keeps its transaction: queries go to that of the context, if there is one. */
const transactions = new AsyncLocalStorage<{ isOpen: boolean }>();

async function transaction(func: () => void): Promise<void> {
  const own = { isOpen: true };
  await transactions.run(own, async () => func());
  own.isOpen = false;
}

/** @throws when the transaction of the context is over. */
async function query(): Promise<string> {
  await null;
  const own = transactions.getStore();
  if (own?.isOpen === false) throw new Error('the transaction is over');
  return own === undefined ? 'on the pool' : 'in the transaction';
}

async function pay(): Promise<string> {
  return `${currentTask().name} ${await query()}`;
}

describe.each(ADAPTERS)('asyncContext on %s', (_name, adapter) => {
  const ends: unknown[] = [];

  /** How the tasks end that a route schedules within a transaction. */
  async function endsOf(config: TaskConfig, options: TasksModuleOptions = {}): Promise<unknown[]> {
    @Controller()
    class PaymentsController {
      @Get()
      async create(@Tasks() tasks: TasksService): Promise<void> {
        await transaction(() => {
          const { afterRoute, afterResponse } = tasks;
          for (const surface of [tasks, afterRoute, afterResponse]) {
            const onError = async (failed: { name: string }): Promise<unknown> =>
              ends.push(`onError of ${failed.name} ${await query().catch((error: Error) => error.message)}`);
            const task = surface.task({ onError, ...config }).schedule(pay);
            void task.done.then((outcome) => ends.push('value' in outcome ? outcome.value : (outcome.error as Error)));
          }
        });
      }
    }
    await using test = await startApp({ controllers: [PaymentsController] }, options, adapter);
    await send(test.url);
    await test.tasks.idle();
    return ends;
  }

  beforeEach(() => {
    ends.length = 0;
  });

  const OVER = new Error('the transaction is over');
  const [POOL, INHERITED] = [
    Array.from({ length: 3 }, () => 'pay on the pool'),
    'onError of pay the transaction is over',
  ];

  it('is that of the transaction by default, which has ended by then', async () => {
    expect(await endsOf({})).toEqual(expect.arrayContaining([INHERITED, OVER]));
  });

  it("is empty with 'none', whatever the timing", async () => {
    expect(await endsOf({ asyncContext: 'none' })).toEqual(POOL);
  });

  it('may be set for the module, and back for a task', async () => {
    expect(await endsOf({}, { asyncContext: 'none' })).toEqual(POOL);
    ends.length = 0;
    expect(await endsOf({ asyncContext: 'inherit' }, { asyncContext: 'none' })).toContainEqual(OVER);
    ends.length = 0;
    expect(await endsOf({ asyncContext: null }, { asyncContext: 'none' })).toContainEqual(OVER);
  });
});
