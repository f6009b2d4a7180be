import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Controller, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { lastValueFrom } from 'rxjs';
import { Tasks, TaskScheduler, TasksModule, TasksService, TasksUsageError } from 'nestjs-tasks';
import { TestTasks } from 'nestjs-tasks/testing';
import { check, scenario } from './check.js';

@Injectable()
class Journal {
  lines: string[] = [];

  readonly write = (line: string): void => void this.lines.push(line);
}

@Controller()
class MessagesController {
  constructor(private readonly journal: Journal) {}

  @MessagePattern('order')
  order(@Payload() book: string, @Tasks() tasks: TasksService): string {
    tasks.afterResponse.schedule(this.journal.write, 'after-response');
    tasks.afterRoute.schedule(this.journal.write, 'after-route');
    tasks.schedule(this.journal.write, 'immediate');
    return `ordered ${book}`;
  }

  @MessagePattern('fail')
  fail(@Tasks() tasks: TasksService): void {
    tasks.afterResponse.schedule(this.journal.write, 'never');
    throw new Error('sold out');
  }

  @EventPattern('ordered')
  ordered(@Tasks() tasks: TasksService): void {
    tasks.afterResponse.schedule(this.journal.write, 'after an event');
  }
}

@Module({ imports: [TasksModule.forRoot()], controllers: [MessagesController], providers: [Journal] })
class AppModule {}

async function checkTcp(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: false });
  const options = { host: '127.0.0.1', port: 0 };
  const microservice = app.connectMicroservice({ transport: Transport.TCP, options }, { inheritAppConfig: true });
  await app.startAllMicroservices();
  await app.init();
  const server = microservice.unwrap<{ address(): AddressInfo }>();
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { ...options, port: server.address().port },
  });
  const journal = app.get(Journal);
  const checkMessage = (what: string, expected: string[], ask: () => Promise<unknown>): Promise<void> =>
    check(`TCP: ${what}`, expected, async (write) => {
      journal.lines = [];
      const answer = await ask().catch(() => 'failed');
      await app.get(TaskScheduler).idle();
      for (const line of [...journal.lines, String(answer)]) write(line);
    });

  await checkMessage(
    'tasks start in the order of their timing',
    ['immediate', 'after-route', 'after-response', 'ordered Out of Print'],
    () => lastValueFrom(client.send('order', 'Out of Print')),
  );
  await checkMessage('a handler that throws discards its batches', ['failed'], () =>
    lastValueFrom(client.send('fail', '')),
  );
  await checkMessage('an event has tasks, too', ['after an event', 'true'], async () => {
    const scheduled = new Promise((resolve) => {
      app.get(TaskScheduler).events$.subscribe(({ type }) => type === 'scheduled' && resolve(true));
    });
    await lastValueFrom(client.emit('ordered', ''), { defaultValue: undefined });
    return scheduled;
  });
  await client.close();
  await app.close();
}

/** Only one of the applications has piscina. */
async function checkThreads(): Promise<void> {
  await check('a thread runs its function, or the error says what to install', ['said'], async (write) => {
    const app = await NestFactory.createApplicationContext(TasksModule.forRoot(), { logger: false });
    const file = join(process.cwd(), 'twice.cjs');
    try {
      const task = app.get(TaskScheduler).task({ thread: { file, export: 'twice' } });
      const result = await task.schedule(21).result();
      write(result === 42 ? 'said' : String(result));
    } catch (error) {
      const isTold = error instanceof TasksUsageError && error.message.includes('npm install piscina');
      write(isTold ? 'said' : String(error));
    }
    await app.close();
  });
}

async function checkKit(): Promise<void> {
  await check('the testing kit records tasks', ['recorded'], async (write) => {
    const builder = Test.createTestingModule({ imports: [AppModule] });
    const tasks = TestTasks.install(builder, { mode: 'record' });
    const module = await builder.setLogger(false as never).compile();
    const never = (): void => write('never');
    module.get(TaskScheduler).schedule(never);
    tasks.expectScheduled(never, { times: 1 });
    await tasks.idle();
    write('recorded');
    await module.close();
  });
}

void scenario(async () => {
  await checkTcp();
  await checkThreads();
  await checkKit();
});
