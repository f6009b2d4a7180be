import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TaskQueue, TasksModule } from 'nestjs-tasks';
import { Ledger } from '../ledger.js';
import { AppProcess } from './app-process.js';
import type { Database } from './database.js';

/** Everything that one run of the demo has: its processes, its ledger, and a look at the queue from outside. */
export class Stage implements AsyncDisposable {
  readonly queue: TaskQueue;
  readonly ledger: Ledger;
  private readonly processes: AppProcess[] = [];
  private workers = 0;
  private closed: Promise<void> | undefined;

  private constructor(
    private readonly database: Database,
    /** Of all keys on Redis; the schema on PostgreSQL. */
    readonly prefix: string,
    private readonly folder: string,
    private readonly observer: INestApplicationContext,
  ) {
    this.queue = observer.get(TaskQueue);
    this.ledger = new Ledger(this.ledgerFile);
  }

  static async open(database: Database): Promise<Stage> {
    const prefix = `durable_orders_${randomBytes(4).toString('hex')}`;
    const folder = await mkdtemp(join(tmpdir(), 'durable-orders-'));
    // Any process may look at the queue. This one declares no task, and runs none.
    const observer = await NestFactory.createApplicationContext(
      TasksModule.forRoot({ queue: { url: database.url, prefix, worker: false } }),
      { logger: ['warn', 'error'] },
    );
    return new Stage(database, prefix, folder, observer);
  }

  startApi(): Promise<AppProcess> {
    return this.start('api', 'api');
  }

  startWorker(): Promise<AppProcess> {
    this.workers += 1;
    return this.start(`worker ${this.workers}`, 'worker');
  }

  /** Ends what still runs, and leaves nothing behind. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.closed ??= this.close());
  }

  private get ledgerFile(): string {
    return join(this.folder, 'ledger.jsonl');
  }

  private async start(name: string, main: string): Promise<AppProcess> {
    const environment = {
      QUEUE_URL: this.database.url,
      QUEUE_PREFIX: this.prefix,
      LEDGER_FILE: this.ledgerFile,
      PORT: '0',
    };
    const app = await AppProcess.start(name, main, environment, (line) => console.log(`   ${name} says: ${line}`));
    this.processes.push(app);
    console.log(`   ${name} is process ${app.pid}${app.url === '' ? '' : `, at ${app.url}`}`);
    return app;
  }

  private async close(): Promise<void> {
    await Promise.all(this.processes.map((app) => app.kill('SIGTERM')));
    await this.observer.close();
    await this.database.remove(this.prefix);
    await rm(this.folder, { recursive: true });
  }
}
