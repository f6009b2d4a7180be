import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  ConflictException,
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OnTaskError, Shielded, Task, Tasks, TaskScheduler, TasksModule, TasksService } from 'nestjs-tasks';
import { ADAPTERS } from './adapters.js';
import { check, scenario } from './check.js';
import { send } from './client.js';

@Injectable()
class Journal {
  lines: string[] = [];

  /** A task: not a method, so that it needs no `this`. */
  readonly write = (line: string): void => void this.lines.push(line);
}

@Injectable()
class Refund {
  constructor(private readonly journal: Journal) {}

  onTaskError(task: Task, error: unknown): void {
    this.journal.write(`refund after ${task.name} of ${String(task.args)}: ${(error as Error).message}`);
  }
}

@Injectable()
class Payments {
  private readonly currency = 'EUR';

  constructor(private readonly journal: Journal) {}

  @Shielded()
  @OnTaskError(Refund)
  async finalize(amount: number): Promise<void> {
    this.journal.write(`finalize ${amount} ${this.currency}`);
    throw new Error('the bank is closed');
  }
}

@Injectable({ scope: Scope.REQUEST })
class DenyingGuard implements CanActivate {
  constructor(
    private readonly tasks: TasksService,
    private readonly journal: Journal,
  ) {}

  canActivate(): boolean {
    this.tasks.afterResponse.schedule(this.journal.write, 'never');
    this.tasks.afterResponse.task({ runOn: 'error' }).schedule(this.journal.write, 'after the denial');
    return false;
  }
}

@Controller()
class OrdersController {
  constructor(
    private readonly journal: Journal,
    private readonly payments: Payments,
  ) {}

  @Get('order')
  order(@Tasks() tasks: TasksService): string {
    tasks.afterResponse.schedule(this.journal.write, 'after-response');
    tasks.afterRoute.schedule(this.journal.write, 'after-route');
    tasks.schedule(this.journal.write, 'immediate');
    this.journal.write('handler');
    return 'done';
  }

  @Get('failing')
  failing(@Tasks() tasks: TasksService): void {
    const { write } = this.journal;
    tasks.schedule(write, 'immediate');
    const held = [
      tasks.afterRoute.schedule(write, 'after-route'),
      tasks.afterResponse.schedule(write, 'after-response'),
    ];
    for (const { timing, done } of held) void done.then(({ status }) => write(`${timing} is ${status}`));
    throw new ConflictException();
  }

  @Get('denied')
  @UseGuards(DenyingGuard)
  denied(): void {
    this.journal.write('never');
  }

  @Get('payment')
  async payment(@Tasks() tasks: TasksService): Promise<string> {
    const task = tasks.schedule(this.payments.finalize, 5);
    await task.done;
    return task.shielded ? 'shielded' : 'unshielded';
  }
}

@Controller('injected')
class InjectedController {
  constructor(
    private readonly injected: TasksService,
    private readonly journal: Journal,
  ) {}

  @Get()
  get(@Tasks() parameter: TasksService): boolean {
    this.injected.afterResponse.schedule(this.journal.write, 'after-response');
    return this.injected instanceof TasksService && this.injected === parameter;
  }
}

interface Injecting {
  inject(path: string): Promise<{ statusCode: number; body: string }>;
}

@Module({
  imports: [TasksModule.forRoot()],
  controllers: [OrdersController, InjectedController],
  providers: [Journal, Payments, Refund],
})
class AppModule {}

async function checkAdapter(name: string): Promise<void> {
  const adapter = ADAPTERS[name]?.();
  const app = await NestFactory.create(AppModule, adapter!, { logger: false });
  const journal = app.get(Journal);
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    response.once('finish', () => journal.write('finish'));
    next();
  });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();

  const checkRequest = (what: string, path: string, expected: string[], request = send): Promise<void> =>
    check(`${name}: ${what}`, expected, async (write) => {
      journal.lines = [];
      const reply = await request(url + path);
      await app.get(TaskScheduler).idle();
      for (const line of [...journal.lines, reply]) write(line);
    });

  await checkRequest('tasks start in the order of their timing', '/order', [
    'handler',
    'immediate',
    'after-route',
    'finish',
    'after-response',
    '200 done',
  ]);
  await checkRequest('a handler that throws discards both batches', '/failing', [
    'immediate',
    'afterRoute is discarded',
    'afterResponse is discarded',
    'finish',
    '409 {"message":"Conflict","statusCode":409}',
  ]);
  await checkRequest('the injected TasksService is that of @Tasks()', '/injected', [
    'finish',
    'after-response',
    '200 true',
  ]);
  await checkRequest('@Shielded() and @OnTaskError() hold for a method passed unbound', '/payment', [
    'finalize 5 EUR',
    'refund after finalize of 5: the bank is closed',
    'finish',
    '200 shielded',
  ]);
  const denial = [
    'finish',
    'after the denial',
    '403 {"message":"Forbidden resource","error":"Forbidden","statusCode":403}',
  ];
  await checkRequest('a guard that denies discards what it scheduled', '/denied', denial);
  if (name === 'fastify') {
    // Without a server: Fastify calls the route itself.
    const inject = async (path: string): Promise<string> => {
      const { statusCode, body } = await (app as unknown as Injecting).inject(new URL(path).pathname);
      return `${statusCode} ${body}`;
    };
    await checkRequest('inject() of a guard that denies', '/denied', denial, inject);
    await checkRequest('inject()', '/injected', ['finish', 'after-response', '200 true'], inject);
  }
  await app.close();
}

void scenario(async () => {
  for (const name of Object.keys(ADAPTERS)) await checkAdapter(name);
});
