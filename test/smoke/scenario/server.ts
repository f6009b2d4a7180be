import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TaskScheduler } from 'nestjs-tasks';
import { ADAPTERS } from './adapters.js';
import { Scene, worstOrder } from './worst-order.js';

// The process that signals.ts shuts down. It tells what happens on stdout, and takes orders over IPC.
const [, , host = '', signals = '1'] = process.argv;

/** Prints the lines of the library, and errors of anybody. */
class TasksLogger implements LoggerService {
  readonly log = (message: unknown, context?: unknown): void => {
    if (context === 'Tasks') write(`[Tasks] ${String(message)}`);
  };
  readonly warn = this.log;
  readonly error = (...parts: unknown[]): void => write(`[error] ${parts.join(' ')}`);
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function start(): Promise<void> {
  const scene = new Scene(write);
  const module = worstOrder('forRoot()', scene);
  const logger = new TasksLogger();
  let context: INestApplicationContext;
  if (host === 'context') context = await NestFactory.createApplicationContext(module, { logger });
  else {
    const app = await NestFactory.create(module, ADAPTERS[host]!(), { logger });
    await app.listen(0, '127.0.0.1');
    write(`listens on ${await app.getUrl()}`);
    context = app;
  }
  let expected = Number(signals);
  const countSignal = (): void => {
    expected -= 1;
    if (expected === 0) process.off('SIGTERM', countSignal); // else the process would outlive what Nest sends it
    write('receives SIGTERM');
  };
  process.on('SIGTERM', countSignal);
  context.enableShutdownHooks();
  process.on('disconnect', () => process.exit());
  process.on('message', (order) => {
    write(`is told to ${String(order)}`);
    if (order === 'release') scene.release.pass();
    else void context.close();
  });
  scene.startTasks(context.get(TaskScheduler));
  if (host !== 'context') await scene.requestArrived.passed;
  write('is ready');
}

void start();
