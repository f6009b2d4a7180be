import { once } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import {
  Controller,
  Inject,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import { catchError, concatMap, firstValueFrom, Observable, of, retry, Subject, type Subscriber } from 'rxjs';
import { WebSocket } from 'ws';
import { Shielded, Tasks, TaskScheduler, TasksService, type Task } from 'nestjs-tasks';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';
import { startTcp } from './tcp-app.js';

/** One message at a time: each starts in the end of the one before it, and so in its async context. */
@Injectable()
class OneAtATime implements NestInterceptor {
  private readonly queue = new Subject<{ readonly next: CallHandler; readonly subscriber: Subscriber<unknown> }>();

  constructor() {
    this.queue
      .pipe(
        concatMap(({ next, subscriber }) => {
          const handled = new Subject<void>();
          next.handle().subscribe({
            next: (value) => subscriber.next(value),
            error: (error: unknown) => {
              subscriber.error(error);
              handled.complete();
            },
            complete: () => {
              subscriber.complete();
              handled.complete();
            },
          });
          return handled;
        }),
      )
      .subscribe();
  }

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return new Observable((subscriber) => this.queue.next({ next, subscriber }));
  }
}

class Queued {
  constructor(private readonly journal: Journal) {}

  async handle(name: string, tasks: TasksService): Promise<string> {
    const task: Task = tasks.afterRoute.schedule(this.journal.write, `${name}: route`);
    tasks.afterResponse.schedule(this.journal.write, `${name}: response`);
    await macrotask();
    this.journal.write(`${name}${task.shielded ? ' (shielded)' : ''} ends`);
    if (name.startsWith('bad')) throw new Error('declined');
    return name;
  }
}

@Controller()
@UseInterceptors(OneAtATime)
class QueuedController extends Queued {
  constructor(@Inject(Journal) journal: Journal) {
    super(journal);
  }

  @MessagePattern('plain')
  plain(@Payload() name: string, @Tasks() tasks: TasksService) {
    return this.handle(name, tasks);
  }

  @Shielded()
  @MessagePattern('shielded')
  shielded(@Payload() name: string, @Tasks() tasks: TasksService) {
    return this.handle(name, tasks);
  }
}

@WebSocketGateway()
@UseInterceptors(OneAtATime)
class QueuedGateway extends Queued {
  constructor(@Inject(Journal) journal: Journal) {
    super(journal);
  }

  @SubscribeMessage('plain')
  async plain(@MessageBody() name: string, @Tasks() tasks: TasksService) {
    return { event: 'answer', data: await this.handle(name, tasks) };
  }
}

const RETRIES: NestInterceptor = {
  intercept: (_context, next) =>
    next.handle().pipe(
      retry(1),
      catchError(() => of('instead')),
    ),
};

@Controller()
@UseInterceptors(RETRIES)
class RetriedController {
  private calls = 0;

  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @MessagePattern('retried')
  retried(@Payload() failures: number, @Tasks() tasks: TasksService) {
    const call = ++this.calls;
    tasks.afterRoute.schedule(this.journal.write, `route ${call}`);
    tasks.afterResponse.schedule(this.journal.write, `response ${call}`);
    if (call <= failures) throw new Error('flaky');
    return 'done';
  }
}

describe('messages that an interceptor handles one after the other', () => {
  it('have each their own tasks and options over TCP', async () => {
    await using test = await startTcp({ controllers: [QueuedController], providers: [OneAtATime] });
    const { client, journal } = test;
    const sent = [
      firstValueFrom(client.send('plain', 'one')),
      firstValueFrom(client.send('shielded', 'two')),
      firstValueFrom(client.send('plain', 'bad')).catch(() => 'refused'),
      firstValueFrom(client.send('plain', 'four')),
    ];
    expect(await Promise.all(sent)).toEqual(['one', 'two', 'refused', 'four']);
    await test.scheduler.idle();
    const entries = journal.take().filter((entry) => !entry.startsWith('sent'));
    for (const name of ['one', 'two', 'four']) {
      const own = entries.filter((entry) => entry.startsWith(name));
      expect(own).toEqual([
        `${name}${name === 'two' ? ' (shielded)' : ''} ends`,
        `${name}: route`,
        `${name}: response`,
      ]);
    }
    expect(entries.filter((entry) => entry.startsWith('bad'))).toEqual(['bad ends']);
  });

  it('have each their own tasks in a gateway', async () => {
    const module = await compile({ providers: [Journal, OneAtATime, QueuedGateway] }, {}, new LogLines());
    const app = module.createNestApplication();
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const client = new WebSocket((await app.getUrl()).replace('http', 'ws'));
    await once(client, 'open');
    let answers = 0;
    const answered = new Promise<void>((resolve) => client.on('message', () => ++answers === 3 && resolve()));
    for (const name of ['one', 'bad', 'three']) client.send(JSON.stringify({ event: 'plain', data: name }));
    await answered;
    await app.get(TaskScheduler).idle();
    const entries = app.get(Journal).take();
    for (const name of ['one', 'three']) {
      const own = entries.filter((entry) => entry.startsWith(name));
      expect(own).toEqual([`${name} ends`, `${name}: route`, `${name}: response`]);
    }
    expect(entries.filter((entry) => entry.startsWith('bad'))).toEqual(['bad ends']);
    client.terminate();
    await app.close();
  });
});

describe('a message whose handler is called again', () => {
  it.each([
    [1, 'done', ['route 2', 'response 2']],
    [2, 'instead', []],
  ])('has the tasks of the call that succeeded: %i failures', async (failures, reply, expected) => {
    await using test = await startTcp({ controllers: [RetriedController] });
    expect(await firstValueFrom(test.client.send('retried', failures))).toBe(reply);
    await test.scheduler.idle();
    expect(test.journal.take().filter((entry) => !entry.startsWith('sent'))).toEqual(expected);
  });
});
