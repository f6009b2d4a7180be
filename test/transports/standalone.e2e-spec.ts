import { Module } from '@nestjs/common';
import { ContextIdFactory, NestFactory } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { TaskScheduler, TasksModule, TasksService } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { usageError } from '../support/usage-error.js';

@Module({ imports: [TasksModule.forRoot()], providers: [Journal] })
class ScriptModule {}

const start = () => NestFactory.createApplicationContext(ScriptModule, { logger: false });

describe('an application context without a server', () => {
  it('has TaskScheduler, whose shielded tasks hold its end', async () => {
    const context = await start();
    const { write, entries } = context.get(Journal);
    const ends = new Gate();
    const scheduler = context.get(TaskScheduler);
    scheduler.schedule(write, 'now');
    const task = scheduler.task({ shield: true }).schedule(async () => {
      await ends.passed;
      write('shielded');
    });
    await task.started;
    const closed = context.close().then(() => write('closed'));
    ends.pass();
    await closed;
    expect(entries).toEqual(['now', 'shielded', 'closed']);
  });

  it('has no TasksService: the error says what to do', async () => {
    const context = await start();
    const failure = await context.resolve(TasksService).catch((error: unknown) => error);
    expect(failure).toEqual(usageError('NO_REQUEST'));
    expect(failure).toMatchObject({ code: 'NO_REQUEST', message: expect.stringContaining('Inject TaskScheduler') });
    await context.close();
  });

  it('gives none for what is registered as a request and is none', async () => {
    const context = await start();
    const contextId = ContextIdFactory.create();
    context.registerRequestByContextId({ tenant: 'a' }, contextId);
    await expect(context.resolve(TasksService, contextId)).rejects.toThrow(usageError('NO_REQUEST'));
    await context.close();
  });
});
