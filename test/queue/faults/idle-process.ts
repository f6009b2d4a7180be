// An application that does nothing, and tells what that takes. Its argument is the url of its queue; without one, it has
// no TasksModule.
import { createHook } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TaskQueue, TasksModule } from 'nestjs-tasks';
import { FaultTasks } from './fault-tasks.js';
import { RunJournal } from './run-journal.js';

/** What an idle process has to tell. */
export interface IdleReport {
  /** What stopped it. */
  readonly error?: { readonly name: string; readonly code?: string; readonly message: string };
  /** Files that `require()` has loaded. */
  readonly required: readonly string[];
  /** Callbacks and continuations that ran in a second. */
  readonly callbacks?: number;
  /** What a task returned. */
  readonly result?: unknown;
}

const [, , url, file = ''] = process.argv;
const providers = [FaultTasks, { provide: RunJournal, useFactory: () => new RunJournal(file) }];

@Module(url === undefined ? {} : { imports: [TasksModule.forRoot({ queue: { url } })], providers })
class AppModule {}

async function idle(): Promise<Omit<IdleReport, 'required'>> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const execution = url === undefined ? undefined : await app.get(TaskQueue).add('work')({ ms: 0 });
  const result = await execution?.result();
  await sleep(1_000); // what starting has left to do
  let callbacks = 0;
  const hook = createHook({ before: () => (callbacks += 1) }).enable();
  await sleep(1_000);
  hook.disable();
  await app.close();
  return { callbacks, result };
}

const report = await idle().catch((error: Error & { code?: string }) => {
  const { name, code, message } = error;
  return { error: { name, ...(code !== undefined && { code }), message } };
});
const required = Object.keys(createRequire(import.meta.url).cache);
// What is left of its connections may hold it for seconds.
process.stdout.write(JSON.stringify({ ...report, required } satisfies IdleReport), () => process.exit());
