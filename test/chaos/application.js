// The Nest application of each process of the fleet: the built library, a journal and a watch over the event loop.
import 'reflect-metadata';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { TaskContext, TaskQueue, TasksModule } from '../../dist/index.js';
import { Journal, now } from './journal.js';
import { declareTasks } from './tasks.js';

/** In milliseconds: how often the event loop is looked at, and what counts as a stall of it. */
const LOOK = 100;
const STALL = 400;
export const SHUTDOWN = { gracePeriod: 500, timeout: 6_000 };
/** Keys of this run. */
const KEY = /\bk\.[\w.#-]+/;

export function readSettings() {
  return JSON.parse(process.argv[2]);
}

/** Starts the application that the settings describe, and ends it at SIGTERM or when the run has gone. */
export async function startApplication({ who, folder, url, lease, retention, isWorker, isLast }) {
  const journal = new Journal(folder, who);
  watchLoop(journal);
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => {
      journal.write('uncaught', { event, error: describeError(error) });
      console.error(error);
      process.exit(70);
    });
  }
  let context;
  const tasks = declareTasks({ journal, contextOf: () => context, isLast });
  const queue = { url, retention, worker: isWorker ? { concurrency: 10, lease } : false };
  const onError = (_task, error) => journal.write('failed', { key: context.key, error: describeError(error) });
  const app = await NestFactory.createApplicationContext(
    {
      module: class ChaosModule {},
      imports: [TasksModule.forRoot({ onError, shutdown: SHUTDOWN, queue })],
      providers: [tasks],
    },
    { logger: new JournalLogger(journal, folder) },
  );
  context = app.get(TaskContext);
  app.enableShutdownHooks();
  process.once('disconnect', () => process.exit(1));
  return { app, journal, tasks: tasks.prototype, queue: app.get(TaskQueue) };
}

export function describeError(error) {
  const { name, message, code } = error ?? {};
  return { name: name ?? typeof error, message: String(message ?? error).slice(0, 200), ...(code && { code }) };
}

/** A process that was stopped, or whose loop was blocked, knows of it by itself. */
function watchLoop(journal) {
  let last = now();
  setInterval(() => {
    const at = now();
    if (at - last > STALL) journal.write('stall', { from: last, to: at });
    last = at;
  }, LOOK).unref();
}

/** Keeps the log in a file, and journals the lines that say that a lease was lost. */
class JournalLogger {
  constructor(journal, folder) {
    this.journal = journal;
    this.file = openSync(join(folder, `${journal.who}.log`), 'a');
    for (const level of ['log', 'warn', 'error', 'fatal']) this[level] = (...parts) => this.write(level, parts);
  }

  debug() {}

  verbose() {}

  write(level, parts) {
    const text = parts.map((part) => (typeof part === 'string' ? part : (part?.stack ?? String(part)))).join(' ');
    writeSync(this.file, `${now().toFixed(0)} ${level} ${text}\n`);
    const [key] = KEY.exec(text) ?? [];
    if (key !== undefined && /\blost\b/i.test(text) && /\blease\b/i.test(text)) {
      this.journal.write('told', { key: key.replace(/[.)]+$/, '') });
    }
  }
}
