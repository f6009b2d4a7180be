import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Durable, TaskContext, TaskQueue, TasksModule, type TaskContextCarrier } from 'nestjs-tasks';
import { TestQueue } from 'nestjs-tasks/testing';
import { LogLines } from '../support/log-lines.js';

const START = new Date('2030-01-01T00:00:00.000Z');
const tenants = new AsyncLocalStorage<string>();

@Injectable()
class TenantCarrier implements TaskContextCarrier<string> {
  readonly name = 'tenant';

  capture(): string | undefined {
    return tenants.getStore();
  }

  restore<R>(tenant: string, run: () => R): R {
    return tenants.run(tenant, run);
  }
}

@Injectable()
class Mails {
  constructor(private readonly context: TaskContext) {}

  @Durable('mail.send', { retry: { attempts: 2, delay: '2m' } })
  send(): string | undefined {
    this.context.logger.log(`attempt ${this.context.attempt} for ${tenants.getStore()}`);
    if (this.context.attempt === 1) throw new Error('busy');
    return tenants.getStore();
  }
}

describe('TestQueue', () => {
  it('restores what carriers have captured, and keeps the lines of runs, by its own clock', async () => {
    const builder = Test.createTestingModule({
      imports: [TasksModule.forRoot({ queue: { carriers: [TenantCarrier], logs: 10 } })],
      providers: [Mails, TenantCarrier],
    }).setLogger(new LogLines());
    const kit = TestQueue.install(builder, { now: START });
    const module = await builder.compile();
    await module.init();
    const mails = module.get(Mails);
    const queue = module.get(TaskQueue);
    const execution = await tenants.run('acme', () => queue.add(mails.send, { when: '1d' })());
    expect(kit.expectAdded(mails.send, { in: '1d' })).not.toHaveProperty('extras');
    await kit.runUntilFinished();
    expect(await execution.result()).toBe('acme');
    const day = START.getTime() + 24 * 3_600_000;
    expect(await execution.logs()).toEqual([
      { at: new Date(day), level: 'log', message: 'attempt 1 for acme', attempt: 1 },
      { at: new Date(day + 120_000), level: 'log', message: 'attempt 2 for acme', attempt: 2 },
    ]);
    await module.close();
  });
});
