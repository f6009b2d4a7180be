import { once } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import { Controller, Inject, Injectable, Scope, UseGuards, type CanActivate } from '@nestjs/common';
import { EventPattern, MessagePattern, RpcException } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { from, Subject, throwError } from 'rxjs';
import { Tasks, TasksService, type Task } from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import type { Journal } from '../support/journal.js';
import { until } from '../support/until.js';
import { Stage } from './stage.js';
import { frame, startTcp, type TcpApp } from './tcp-app.js';

@Injectable({ scope: Scope.REQUEST })
class StageGuard implements CanActivate {
  constructor(
    private readonly stage: Stage,
    private readonly tasks: TasksService,
  ) {}

  async canActivate(): Promise<boolean> {
    return (await this.stage.play('guard', this.tasks)) !== false;
  }
}

@Controller()
class MessagesController {
  constructor(@Inject(Stage) private readonly stage: Stage) {}

  @MessagePattern('play')
  play(@Tasks() tasks: TasksService) {
    return this.stage.play('play', tasks);
  }

  @EventPattern<string>('event')
  async event(@Tasks() tasks: TasksService) {
    await this.stage.play('event', tasks);
  }

  @EventPattern<string>('event')
  async eventToo(@Tasks() tasks: TasksService) {
    await this.stage.play('eventToo', tasks);
  }
}

@Controller()
class ScopedController {
  constructor(
    private readonly stage: Stage,
    private readonly tasks: TasksService,
  ) {}

  @MessagePattern('scoped')
  scoped(@Tasks() tasks: TasksService) {
    this.stage.play('taken', tasks);
    return this.stage.play('scoped', this.tasks);
  }

  @EventPattern<string>('scoped event')
  event() {
    return this.stage.play('scoped event', this.tasks);
  }

  @EventPattern<string>('scoped event')
  eventToo() {
    return this.stage.play('scoped event too', this.tasks);
  }
}

@Controller()
class GuardedController {
  constructor(@Inject(Stage) private readonly stage: Stage) {}

  @MessagePattern('guarded')
  @UseGuards(StageGuard)
  guarded(@Tasks() tasks: TasksService) {
    return this.stage.play('guarded', tasks);
  }
}

/** More than what the network takes at once. */
const LARGE = 32 * 1024 * 1024;

const CONTROLLERS = { controllers: [MessagesController, ScopedController, GuardedController] };

describe('messages over TCP', () => {
  let test: TcpApp;
  let stage: Stage;
  let journal: Journal;
  beforeEach(async () => {
    test = await startTcp(CONTROLLERS);
    ({ stage, journal } = test);
  });
  afterEach(async () => test[Symbol.asyncDispose]());

  async function written(pattern: string): Promise<string[]> {
    await test.send(pattern);
    await test.scheduler.idle();
    return journal.take();
  }

  it('give a request-scoped controller the service that @Tasks() gives, one for each message', async () => {
    stage.on('scoped', stage.batches('scoped'));
    expect(await written('scoped')).toEqual(['scoped: route', 'sent: scoped', 'scoped: response']);
    expect(new Set(stage.services).size).toBe(1);
    await test.send('scoped');
    expect(new Set(stage.services).size).toBe(2);
  });

  it('with several values start after-route tasks before the first is sent, after-response tasks after the last', async () => {
    const values = new Subject<number>();
    stage.on(
      'play',
      stage.batches('play', () => values),
    );
    const answer = test.send('play');
    await until(() => values.observed, 'the subscription');
    values.next(1);
    await macrotask();
    expect(journal.entries).toEqual(['play: route', 'sent: 1']);
    values.next(2);
    values.next(3);
    await macrotask();
    expect(journal.entries).toEqual(['play: route', 'sent: 1', 'sent: 2', 'sent: 3']);
    values.complete();
    expect(await answer).toEqual([1, 2, 3]);
    await test.scheduler.idle();
    expect(journal.take().at(-1)).toBe('play: response');
  });

  it('with several values at once do so, too', async () => {
    stage.on(
      'play',
      stage.batches('play', () => from([1, 2])),
    );
    expect(await written('play')).toEqual(['play: route', 'sent: 1', 'sent: 2', 'play: response']);
  });

  it('with an error after the first value keep the tasks that have started, and discard after-response tasks', async () => {
    const values = new Subject<number>();
    stage.on(
      'play',
      stage.batches('play', () => values),
    );
    const answer = test.send('play');
    await until(() => values.observed, 'the subscription');
    values.next(1);
    await macrotask();
    values.error(new RpcException('too late'));
    await answer;
    await test.scheduler.idle();
    expect(journal.take()).toEqual(['play: route', 'sent: 1', 'sent: error']);
    expect(test.scheduler.counts.discarded).toBe(1);
  });

  it.each([
    [
      'throws an RpcException',
      () => {
        throw new RpcException('no');
      },
    ],
    [
      'throws an Error',
      () => {
        throw new Error('no');
      },
    ],
    ['returns an Observable with an error', () => throwError(() => new RpcException('no'))],
  ])('whose handler %s have their tasks discarded, but for those that run on errors', async (_what, fail) => {
    stage.on('play', (tasks) => {
      tasks.afterRoute.task({ runOn: 'error' }).schedule(journal.write, 'route on error');
      tasks.afterResponse.task({ runOn: 'always' }).schedule(journal.write, 'response always');
      return stage.batches('play', fail)(tasks);
    });
    expect(await written('play')).toEqual(['route on error', 'sent: error', 'response always']);
    expect(test.scheduler.counts.discarded).toBe(2);
  });

  it('start after-response tasks when a reply has left the process, not before, however slowly its client reads', async () => {
    const response: Task[] = [];
    let unsent = -1;
    stage.on('play', (tasks) => {
      response.push(tasks.afterResponse.schedule(() => void (unsent = test.sockets[0]?.writableLength ?? -1)));
      return 'x'.repeat(LARGE);
    });
    const client = test.connect().pause();
    client.write(frame({ pattern: 'play', data: {}, id: '1' }));
    await until(() => (test.sockets[0]?.writableLength ?? 0) > 0, 'what is to be sent to pile up');
    for (let turn = 0; turn < 10; turn++) await macrotask();
    expect(response.map(({ isStarted }) => isStarted)).toEqual([false]);
    client.resume();
    await test.scheduler.idle();
    expect(unsent).toBe(0);
    client.destroy();
  });

  it('whose client leaves before it has read its reply have their after-response tasks run', async () => {
    stage.on('play', (tasks) => {
      stage.batches('play')(tasks);
      return 'x'.repeat(LARGE);
    });
    const client = test.connect().pause();
    client.write(frame({ pattern: 'play', data: {}, id: '1' }));
    await until(() => (test.sockets[0]?.writableLength ?? 0) > 0, 'what is to be sent to pile up');
    expect(journal.entries).toEqual(['play: route']);
    client.destroy();
    await test.scheduler.idle();
    expect(journal.take()).toEqual(['play: route', 'play: response']);
  });

  it.each(['returns', 'throws'])('whose client leaves while the handler runs wait for it, which %s', async (end) => {
    const [entered, left] = [new Gate(), new Gate()];
    stage.on(
      'play',
      stage.batches('play', async () => {
        entered.pass();
        await left.passed;
        journal.write('handler ends');
        if (end === 'throws') throw new Error('to nobody');
      }),
    );
    const client = test.connect();
    client.write(frame({ pattern: 'play', data: {}, id: '1' }));
    await entered.passed;
    const closed = once(test.sockets[0]!, 'close');
    client.destroy();
    await closed;
    left.pass();
    await test.scheduler.idle();
    expect(journal.take()).toEqual(
      end === 'returns' ? ['handler ends', 'play: route', 'play: response'] : ['handler ends'],
    );
  });

  it('whose client has said that it writes no more have their tasks run, without an error', async () => {
    const [entered, left] = [new Gate(), new Gate()];
    stage.on(
      'event',
      stage.batches('event', async () => {
        entered.pass();
        await left.passed;
      }),
    );
    const client = test.connect().pause();
    // A reply that is not read keeps the connection half open.
    stage.on('play', () => 'x'.repeat(LARGE));
    client.write(frame({ pattern: 'event', data: {} }) + frame({ pattern: 'play', data: {}, id: '1' }));
    await entered.passed;
    const socket = test.sockets[0]!;
    await until(() => socket.writableLength > 0, 'what is to be sent to pile up');
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    socket.end(); // as Node does when its client has ended
    left.pass();
    await until(() => journal.entries.includes('event: route'), 'the end of the handler');
    for (let turn = 0; turn < 5; turn++) await macrotask();
    expect(journal.take()).toEqual(['event: route']);
    let received = 0;
    client.on('data', ({ length }) => void (received += length)).resume();
    await test.scheduler.idle();
    expect(journal.take()).toEqual(['event: response']);
    expect(errors).toEqual([]);
    expect(received).toBeGreaterThan(LARGE);
  });

  describe('that are events', () => {
    it.each([
      ['event', 'eventToo'],
      ['scoped event', 'scoped event too'],
    ])('%s: have two handlers, each with tasks of its own', async (pattern, second) => {
      const bothRan = new Gate();
      let ran = 0;
      const count = (): void => void (++ran === 2 && bothRan.pass());
      stage.on(pattern, (tasks) => {
        stage.batches('first')(tasks);
        tasks.afterResponse.schedule(count);
      });
      stage.on(second, (tasks) => {
        tasks.afterRoute.task({ runOn: 'error' }).schedule(journal.write, 'second: on error');
        tasks.afterResponse.task({ runOn: 'error' }).schedule(count);
        return stage.batches('second', () => {
          throw new Error('second fails');
        })(tasks);
      });
      test.client.emit(pattern, {}).subscribe();
      await bothRan.passed;
      await test.scheduler.idle();
      expect(journal.take().toSorted()).toEqual(['first: response', 'first: route', 'second: on error']);
      expect(test.scheduler.counts.discarded).toBe(2);
    });
  });

  describe('with a guard', () => {
    it('that denies: nothing is left behind', async () => {
      stage.on('guard', (tasks) => {
        tasks.schedule(journal.write, 'now');
        return false;
      });
      expect(await written('guarded')).toEqual(['now', 'sent: error']);
    });

    it('that asks for a batch: it is refused, for nothing would tell that the guard has denied', async () => {
      const errors: unknown[] = [];
      stage.on('guard', (tasks) => {
        for (const batch of ['afterRoute', 'afterResponse'] as const) {
          try {
            tasks[batch].schedule(journal.write, batch);
          } catch (error) {
            errors.push(error);
          }
        }
      });
      stage.on('guarded', stage.batches('guarded'));
      expect(await written('guarded')).toEqual(['guarded: route', 'sent: guarded', 'guarded: response']);
      expect(errors).toEqual([
        expect.objectContaining({ code: 'NO_ROUTE', message: expect.stringContaining('in a guard') }),
        expect.objectContaining({ code: 'NO_ROUTE' }),
      ]);
      expect(new Set(stage.services).size).toBe(1);
    });
  });

  it('have the shielded tasks that they have scheduled awaited by the shutdown, the others cancelled', async () => {
    const [started, ends] = [new Gate(), new Gate()];
    const tasks: Task[] = [];
    stage.on('play', (service) => {
      tasks.push(
        service.afterResponse.task({ shield: true }).schedule(async () => {
          started.pass();
          await ends.passed;
          journal.write('shielded ends');
        }),
        service.schedule(() => new Promise(() => {})),
      );
    });
    await test.send('play');
    await started.passed;
    const closed = test.app.close().then(() => journal.write('closed'));
    await until(() => tasks[1]?.signal.aborted, 'the cancellation');
    expect(journal.take()).toEqual(['sent: play']);
    ends.pass();
    await closed;
    expect(journal.take()).toEqual(['shielded ends', 'closed']);
  });
});

describe('messages over TCP in shutdown', () => {
  it('whose handler outlasts it have their tasks discarded, with a warning', async () => {
    const test = await startTcp(CONTROLLERS);
    const [entered, ends] = [new Gate(), new Gate()];
    const { stage } = test;
    const returned = new Gate();
    stage.on('play', async (tasks) => {
      stage.batches('play')(tasks);
      entered.pass();
      await ends.passed;
      tasks.schedule(() => {});
      returned.pass();
    });
    const client = test.connect();
    client.write(frame({ pattern: 'play', data: {}, id: '1' }));
    await entered.passed;
    await test.app.close(); // Nest waits for no message
    ends.pass();
    await returned.passed;
    await test.scheduler.idle();
    expect(test.scheduler.counts).toMatchObject({ started: 0, discarded: 3 });
    expect(test.logs.lines.filter((line) => /^warn.*discarded/.test(line))).toHaveLength(3);
    client.destroy();
    await test.client.close();
  });
});

describe('a hybrid application', () => {
  it.each(['hybrid', 'hybrid without inheritAppConfig'] as const)(
    'has the tasks of a microservice: %s',
    async (kind) => {
      await using test = await startTcp(CONTROLLERS, kind);
      const { stage, journal } = test;
      for (const pattern of ['scoped', 'play']) {
        stage.on(pattern, stage.batches(pattern));
        await test.send(pattern);
        await test.scheduler.idle();
        expect(journal.take()).toEqual([`${pattern}: route`, `sent: ${pattern}`, `${pattern}: response`]);
      }
    },
  );
});
