import {
  Controller,
  Get,
  Inject,
  Injectable,
  Req,
  Res,
  Scope,
  Sse,
  UseGuards,
  type CanActivate,
  type MessageEvent,
} from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { of, type Observable } from 'rxjs';
import {
  BrokerUnavailableError,
  Durable,
  OnTaskError,
  TaskArgumentError,
  TaskNotRegisteredError,
  TaskQueue,
  Tasks,
  TasksService,
  type Execution,
  type Task,
  type TasksError,
} from 'nestjs-tasks';
import { BROKER, type Broker } from '../../../lib/queue/broker/broker.js';
import { ADAPTERS, Gate, send, startApp, type TestApp } from '../../support/app.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { Journal } from '../../support/journal.js';

@Injectable()
class OrderTasks {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Durable('orders.process')
  process(id: string): string {
    this.journal.write(`process ${id}`);
    return `processed ${id}`;
  }
}

const errors: unknown[] = [];
const caught = (_task: unknown, error: unknown): void => void errors.push(error);

@Injectable({ scope: Scope.REQUEST })
class EnqueuingGuard implements CanActivate {
  constructor(@Inject(TasksService) private readonly tasks: TasksService) {}

  canActivate(): boolean {
    this.tasks.afterRoute.enqueue('orders.process', { key: 'guarded' })('1');
    return true;
  }
}

@Controller()
class OrdersController {
  executions: Task<Execution<string>>[] = [];
  service: TasksService | undefined;
  raw: ServerResponse | undefined;

  constructor(
    @Inject(Journal) private readonly journal: Journal,
    @Inject(OrderTasks) private readonly orders: OrderTasks,
  ) {}

  @Get('now')
  async now(@Tasks() tasks: TasksService) {
    const execution = await tasks.enqueue(this.orders.process, { key: 'order:1' })('1');
    return { key: execution.key, disposition: execution.disposition };
  }

  @Get('route')
  route(@Tasks() tasks: TasksService) {
    tasks.afterRoute.schedule(() => this.journal.write('after-route task'));
    this.executions = [1, 2, 3].map((n) => tasks.afterRoute.enqueue(this.orders.process)(`${n}`));
    tasks.afterResponse.schedule(() => this.journal.write('after-response task'));
    return { status: 'accepted' };
  }

  @Get('throws')
  throws(@Tasks() tasks: TasksService) {
    this.executions = [
      tasks.afterRoute.enqueue(this.orders.process)('1'),
      tasks.afterResponse.enqueue(this.orders.process)('2'),
      tasks.afterRoute.task({ runOn: 'error' }).enqueue(this.orders.process, { key: 'on error' })('3'),
    ];
    throw new Error('the handler fails');
  }

  @Get('on-error')
  onError(@Tasks() tasks: TasksService) {
    this.executions = [tasks.afterRoute.task({ runOn: 'error' }).enqueue(this.orders.process)('1')];
    return 'fine';
  }

  @Get('response')
  @OnTaskError(caught)
  response(@Tasks() tasks: TasksService) {
    this.executions = [tasks.afterResponse.enqueue(this.orders.process)('1')];
    return { status: 'sent' };
  }

  @Get('own')
  @OnTaskError(caught)
  async own(@Tasks() tasks: TasksService) {
    const { key } = await tasks.task({ name: 'note the order' }).enqueue(this.orders.process, { key: 'own' })('1');
    return { key };
  }

  @Get('bad')
  bad(@Tasks() tasks: TasksService) {
    const circle: Record<string, unknown> = { when: () => {} };
    const calls = [
      () => tasks.enqueue('orders.unknown'),
      () => tasks.afterRoute.enqueue('orders.unknown'),
      () => tasks.afterRoute.enqueue('orders.process')(circle),
      () => tasks.afterResponse.enqueue('orders.process', { priority: -1 })('1'),
    ];
    return calls.map((call) => {
      try {
        call();
        return 'nothing';
      } catch (error) {
        return (error as Error).name;
      }
    });
  }

  @Get('reply')
  async reply(@Res() response: { send(body: unknown): void }, @Tasks() tasks: TasksService) {
    try {
      tasks.afterRoute.enqueue(this.orders.process)('1');
    } catch (error) {
      await tasks.enqueue(this.orders.process)('1');
      response.send((error as TasksError).code);
    }
  }

  @Get('passthrough')
  passthrough(@Res({ passthrough: true }) _response: unknown, @Tasks() tasks: TasksService) {
    tasks.afterRoute.enqueue(this.orders.process, { key: 'passthrough' })('1');
    return 'accepted';
  }

  @Sse('events')
  events(@Tasks() tasks: TasksService): Observable<MessageEvent> {
    try {
      tasks.afterRoute.enqueue(this.orders.process)('1');
      return of({ data: 'nothing' });
    } catch (error) {
      return of({ data: (error as TasksError).code });
    }
  }

  @Get('answered')
  async answered(@Req() request: { res?: ServerResponse }, @Tasks() tasks: TasksService) {
    tasks.afterRoute.enqueue(this.orders.process)('1');
    this.raw = request.res;
    return 'too late';
  }

  @Get('mixed')
  mixed(@Tasks() tasks: TasksService) {
    tasks.afterRoute.enqueue(this.orders.process)('1');
    tasks.afterRoute.task({ runOn: 'error' }).enqueue(this.orders.process)('2');
    return 'never';
  }

  @Get('hurried')
  hurried(@Tasks() tasks: TasksService) {
    tasks.afterRoute.task({ timeout: 20 }).enqueue(this.orders.process)('1');
    return 'never';
  }

  @Get('late')
  late(@Tasks() tasks: TasksService) {
    this.service = tasks;
    return 'kept';
  }
}

@Controller()
class GuardedController {
  @Get('guarded')
  @UseGuards(EnqueuingGuard)
  guarded(@Res() response: { send(body: unknown): void }) {
    response.send('never');
  }
}

const METADATA = { controllers: [OrdersController, GuardedController], providers: [OrderTasks, Journal] };

describe.each(BROKERS.map((kind) => [kind.label, kind] as const))(
  'enqueueing from a request, on %s',
  (_label, kind) => {
    const space = brokerSpace(kind);

    describe.each(ADAPTERS)('%s', (_name, adapter) => {
      let test: TestApp;
      let queue: TaskQueue;
      let broker: Broker;
      let controller: OrdersController;
      let journal: Journal;
      beforeEach(async () => {
        errors.length = 0;
        test = await startApp(
          METADATA,
          { queue: { ...space.options(space.newQueue()), worker: { lease: 2_000 } } },
          adapter,
        );
        queue = test.app.get(TaskQueue);
        broker = test.app.get<Broker>(BROKER);
        controller = test.app.get(OrdersController);
        journal = test.app.get(Journal);
      });
      afterEach(() => test.app.close());

      /** The next addition waits, and fails where an error is given. */
      function holdAdd(error?: Error): { asked: Gate; goOn: Gate; sizes: number[] } {
        const held = { asked: new Gate(), goOn: new Gate(), sizes: [] as number[] };
        const add = broker.executions.add.bind(broker.executions);
        broker.executions.add = async (executions) => {
          held.sizes.push(executions.length);
          held.asked.pass();
          await held.goOn.passed;
          if (error !== undefined) throw error;
          return add(executions);
        };
        return held;
      }

      it('at once, as queue.add() does', async () => {
        const { body } = await send(`${test.url}/now`);
        expect(JSON.parse(body)).toEqual({ key: 'order:1', disposition: 'scheduled' });
        expect(await (await queue.get('order:1'))?.result()).toBe('processed 1');
      });

      it('after the route: in one step, for which the response and after-route tasks wait', async () => {
        const held = holdAdd();
        const reply = send(`${test.url}/route`);
        await held.asked.passed;
        expect(journal.entries).toEqual([]);
        const first = await Promise.race([reply, new Promise((resolve) => setImmediate(resolve, 'waits'))]);
        expect(first).toBe('waits');
        held.goOn.pass();
        expect((await reply).status).toBe(200);
        expect(held.sizes[0]).toBe(3);
        const executions = await Promise.all(controller.executions.map((task) => task.result()));
        expect(await Promise.all(executions.map((execution) => execution.result()))).toEqual([
          'processed 1',
          'processed 2',
          'processed 3',
        ]);
        await test.scheduler.idle();
        expect(journal.entries).toContain('after-route task');
        expect(journal.entries).toContain('after-response task');
      });

      it('a refusal is a 503 with Retry-After; both batches are discarded and the cause is logged', async () => {
        const held = holdAdd(new BrokerUnavailableError('Redis', 'connection refused'));
        held.goOn.pass();
        const { status, headers } = await send(`${test.url}/route`);
        expect(status).toBe(503);
        expect(headers['retry-after']).toBe('5');
        await test.scheduler.idle();
        expect(journal.entries).toEqual([]);
        expect(test.scheduler.counts).toMatchObject({ failed: 3, discarded: 2 });
        for (const task of controller.executions) await expect(task.result()).rejects.toThrow(BrokerUnavailableError);
        expect(test.logs.matching('Task enqueue orders.process')[0]).toContain('connection refused');
      });

      it('enqueues nothing when the handler throws, but what is to run on an error', async () => {
        expect((await send(`${test.url}/throws`)).status).toBe(500);
        await test.scheduler.idle();
        const [route, response, onError] = controller.executions;
        await expect(route?.result()).rejects.toThrow('route failed');
        await expect(response?.result()).rejects.toThrow('route failed');
        expect(await (await onError?.result())?.result()).toBe('processed 3');
        expect(journal.entries).toEqual(['process 3']);
        expect(test.scheduler.counts.discarded).toBe(2);
      });

      it('does not take for a refusal what was not to be enqueued', async () => {
        expect((await send(`${test.url}/on-error`)).status).toBe(200);
        await expect(controller.executions[0]?.result()).rejects.toThrow('route succeeded');
      });

      it('after the response, whose failure goes to onError', async () => {
        expect((await send(`${test.url}/response`)).status).toBe(200);
        expect(await (await controller.executions[0]?.result())?.result()).toBe('processed 1');

        const held = holdAdd(new BrokerUnavailableError('Redis', 'connection refused'));
        held.goOn.pass();
        expect((await send(`${test.url}/response`)).status).toBe(200);
        await test.scheduler.idle();
        expect(errors).toEqual([expect.any(BrokerUnavailableError)]);
      });

      it('with options of its own, as a task', async () => {
        const names: string[] = [];
        test.scheduler.events$.subscribe(({ type, task }) => type === 'succeeded' && names.push(task.name));
        expect(JSON.parse((await send(`${test.url}/own`)).body)).toEqual({ key: 'own' });
        await test.scheduler.idle();
        expect(names).toContain('note the order');
      });

      it('refuses at the call what can never be added', async () => {
        const { body } = await send(`${test.url}/bad`);
        const { name: unknown } = TaskNotRegisteredError;
        expect(JSON.parse(body)).toEqual([unknown, unknown, TaskArgumentError.name, TaskArgumentError.name]);
      });

      it.each(['reply', 'events'])(
        'says to await tasks.enqueue() where the handler answers by itself: /%s',
        async (path) => {
          expect((await send(`${test.url}/${path}`)).body).toContain('REPLY_UNDERWAY');
        },
      );

      it('works beside @Res({ passthrough: true })', async () => {
        expect((await send(`${test.url}/passthrough`)).status).toBe(200);
        expect(await queue.get('passthrough')).toBeDefined();
      });

      it('counts as refused when nothing could be held: a guard has enqueued, and the handler answers by itself', async () => {
        const { status } = await send(`${test.url}/guarded`);
        expect(status).toBe(500);
        await test.scheduler.idle();
        expect(await queue.get('guarded')).toBeUndefined();
        expect(test.scheduler.counts.discarded).toBe(1);
      });

      it('survives a refusal after somebody else has answered', async () => {
        if (test.app.getHttpAdapter().getType() !== 'express') return;
        const held = holdAdd(new BrokerUnavailableError('Redis', 'connection refused'));
        const reply = send(`${test.url}/answered`);
        await held.asked.passed;
        (controller.raw as ServerResponse).writeHead(504).end('timed out');
        expect((await reply).status).toBe(504);
        held.goOn.pass();
        await test.scheduler.idle();
        expect(test.scheduler.counts).toMatchObject({ failed: 1 });
      });

      it('writes what is to run on an error also when its siblings are refused', async () => {
        const held = holdAdd(new BrokerUnavailableError('Redis', 'connection refused'));
        held.goOn.pass();
        expect((await send(`${test.url}/mixed`)).status).toBe(503);
        await test.scheduler.idle();
        expect(held.sizes).toEqual([1, 1]);
      });

      it('takes of the options of the route its onError alone', async () => {
        await test.app.close();
        test = await startApp(METADATA, { timeout: 30, queue: { url: 'memory://' } }, adapter);
        broker = test.app.get<Broker>(BROKER);
        controller = test.app.get(OrdersController);
        const held = holdAdd();
        const reply = send(`${test.url}/route`);
        await held.asked.passed;
        await new Promise((resolve) => setTimeout(resolve, 60));
        held.goOn.pass();
        expect((await reply).status).toBe(200);
        expect(test.scheduler.counts.failed).toBe(0);
      });

      it('is refused by a timeout of its own, whatever comes of the writing', async () => {
        const held = holdAdd();
        expect((await send(`${test.url}/hurried`)).status).toBe(503);
        held.goOn.pass();
        await test.scheduler.idle();
        expect(test.scheduler.counts.failed).toBe(1);
      });

      it('starts at once when the moment has passed', async () => {
        await send(`${test.url}/late`);
        for (const batch of [controller.service?.afterResponse, controller.service?.afterRoute]) {
          const execution = (await batch?.enqueue('orders.process')('late').result()) as Execution | undefined;
          expect(await execution?.result()).toBe('processed late');
        }
      });
    });
  },
);
