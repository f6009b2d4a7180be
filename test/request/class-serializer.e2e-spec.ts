import {
  ClassSerializerInterceptor,
  Controller,
  Get,
  Injectable,
  SerializeOptions,
  UseInterceptors,
} from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { instanceToPlain } from 'class-transformer';
import { Durable, TaskContext, TaskQueue, Tasks, type Execution, type Task, type TasksService } from 'nestjs-tasks';
import { serializeAsJson } from '../../lib/class-serialization.js';
import { ADAPTERS, send, startApp } from '../support/app.js';

describe.each(ADAPTERS)('a task that is answered through ClassSerializerInterceptor on %s', (_name, adapter) => {
  it('shows what toJSON() has, alone, in a list or in an object, and never its arguments', async () => {
    const calls: unknown[][] = [];
    const tasks: Task[] = [];
    const charge = (...args: unknown[]): void => void calls.push(args);
    @UseInterceptors(ClassSerializerInterceptor)
    @Controller()
    class PaymentsController {
      @Get('alone')
      alone(@Tasks() service: TasksService): Task {
        return this.schedule(service);
      }
      @Get('list')
      list(@Tasks() service: TasksService): Task[] {
        return [this.schedule(service), this.schedule(service)];
      }
      @Get('object')
      @SerializeOptions({ groups: ['admin'], version: 2, strategy: 'exposeAll' })
      object(@Tasks() service: TasksService): object {
        return { order: { id: 1, task: this.schedule(service) } };
      }
      private schedule(service: TasksService): Task {
        const task = service.afterResponse
          .task({ name: 'charge', shield: true })
          .schedule(charge, '4242', { cvc: 123 });
        tasks.push(task as Task);
        return task as Task;
      }
    }
    await using test = await startApp({ controllers: [PaymentsController] }, {}, adapter);
    const replies = [];
    for (const path of ['alone', 'list', 'object']) {
      const { status, body } = await send(`${test.url}/${path}`);
      replies.push([status, JSON.parse(body)]);
      await test.scheduler.idle();
    }
    const [alone, first, second, nested] = tasks.map((task) => ({ ...task.toJSON(), status: 'scheduled' }));
    expect(replies).toEqual([
      [200, alone],
      [200, [first, second]],
      [200, { order: { id: 1, task: nested } }],
    ]);
    expect(calls).toEqual(tasks.map(() => ['4242', { cvc: 123 }]));
    expect(tasks.map((task) => instanceToPlain(task))).toEqual(tasks.map((task) => task.toJSON()));
  });
});

describe('an execution that is answered through ClassSerializerInterceptor', () => {
  it('shows what toJSON() has', async () => {
    @Injectable()
    class Cards {
      constructor(private readonly context: TaskContext) {}
      @Durable('cards.charge')
      charge(_card: string): void {
        this.context.progress.increment(5);
      }
    }
    @UseInterceptors(ClassSerializerInterceptor)
    @Controller()
    class CardsController {
      constructor(
        private readonly queue: TaskQueue,
        private readonly cards: Cards,
      ) {}
      @Get('later')
      later(): Promise<Execution<void>> {
        return this.queue.add(this.cards.charge, { key: 'later', when: '1h' })('4242');
      }
      @Get('now')
      async now(): Promise<object> {
        const execution = await this.queue.add(this.cards.charge, { key: 'now' })('4242');
        await execution.result();
        return { execution: await execution.refresh() };
      }
    }
    await using test = await startApp({ controllers: [CardsController], providers: [Cards] });
    const later = JSON.parse((await send(`${test.url}/later`)).body) as object;
    expect(later).toEqual({
      key: 'later',
      name: 'cards.charge',
      state: 'scheduled',
      attempt: 1,
      when: expect.any(String),
      disposition: 'scheduled',
    });
    const now = JSON.parse((await send(`${test.url}/now`)).body) as object;
    expect(now).toEqual({
      execution: expect.objectContaining({ key: 'now', state: 'completed', progress: { current: 5, total: 100 } }),
    });
  });
});

describe('without class-transformer', () => {
  it('nothing is told', () => {
    expect(() => serializeAsJson('no-such-package')).not.toThrow();
  });
});
