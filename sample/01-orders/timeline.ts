import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { TaskScheduler, TasksHealthIndicator, type TaskEvent } from 'nestjs-tasks';
import { endWith, ignoreElements, map, merge, ReplaySubject, startWith, takeUntil, type Observable } from 'rxjs';
import { DurableBoard } from './durable/durable-board.js';
import { shortId, type Order } from './order.js';
import { OrdersStore } from './orders.store.js';
import { reportLine, ShutdownEnds } from './shutdown-report.js';
import type { TimelineEntry } from './timeline-entry.js';

/** Entries kept for a page that is opened or reloaded: those of about forty orders. */
const REMEMBERED = 1_000;
/** Each task of an order takes it first, and is called <task>_<end of the order's id>. */
const TASK_OF_ORDER = /_[0-9a-f]{4}$/;

/** Events of the shop, as they happen: each transition of each task, each response, each change of an order. */
@Injectable()
export class Timeline implements OnModuleInit, OnModuleDestroy {
  private readonly startedAt = Date.now();
  private readonly entries = new ReplaySubject<TimelineEntry>(REMEMBERED);
  private readonly logger = new Logger(Timeline.name);
  private shutdown: ShutdownEnds | undefined;

  constructor(
    private readonly scheduler: TaskScheduler,
    private readonly health: TasksHealthIndicator,
    private readonly orders: OrdersStore,
    private readonly durable: DurableBoard,
  ) {}

  /** Completes with the scheduler's events: an open page does not hold the shutdown up. */
  get entries$(): Observable<TimelineEntry> {
    const { startedAt } = this;
    const first = { type: 'server', data: { at: Date.now(), startedAt } } as const;
    const end = this.entries.pipe(ignoreElements(), endWith(true));
    // Not kept with the entries: only the last state counts.
    const durable = this.durable.state$.pipe(map((data) => ({ type: 'durable', data }) as const));
    return merge(this.entries, durable.pipe(takeUntil(end))).pipe(startWith(first));
  }

  onModuleInit(): void {
    this.orders.saved$.subscribe((order) => this.entries.next({ type: 'order', data: { at: Date.now(), order } }));
    this.scheduler.events$.subscribe({ next: (event) => this.hear(event), complete: () => this.stop() });
  }

  /** Tells what ends with the memory of this process. By now its worker has stopped, and its queue still answers. */
  async onModuleDestroy(): Promise<void> {
    const { left } = await this.durable.state();
    if (left === 0) return;
    const tasks = left === 1 ? '1 durable task has' : `${left} durable tasks have`;
    this.logger.warn(`Shutdown: ${tasks} not ended. A queue in memory loses them; queue.url would keep them`);
    this.entries.next({ type: 'unfinished', data: { at: Date.now(), count: left } });
  }

  /** Adds the moment in which the response to an order was sent. */
  responded(order: Order): void {
    this.log(`response_${shortId(order)}`, 'sent');
    this.entries.next({ type: 'response', data: { at: Date.now(), orderId: order.id } });
  }

  private hear(event: TaskEvent): void {
    const { at, type, task, reason, error } = event;
    // Runs of durable tasks are on the dashboard, which all processes of a fleet share.
    if (!TASK_OF_ORDER.test(task.name)) return;
    const [order] = task.args as [Order];
    const { timing, shielded } = task;
    this.watchShutdown(event);
    this.log(task.name, `${type} (${reason})`);
    this.entries.next({
      type: 'task',
      data: {
        at,
        orderId: order.id,
        task: task.name.replace(`_${shortId(order)}`, ''),
        what: type,
        reason,
        timing,
        shielded,
        ...(error instanceof Error && { error: error.message }),
      },
    });
  }

  private watchShutdown(event: TaskEvent): void {
    const isDraining = event.reason === 'shutdown' || this.health.check().tasks.draining;
    if (!isDraining) return;
    if (this.shutdown === undefined) {
      const waitsFor = this.scheduler.running.filter(({ shielded }) => shielded).map(({ name }) => name);
      this.entries.next({ type: 'shutdown', data: { at: event.at, waitsFor } });
    }
    this.shutdown ??= new ShutdownEnds();
    this.shutdown.add(event);
  }

  private stop(): void {
    const { report } = this.shutdown ?? new ShutdownEnds();
    this.logger.log(reportLine(report));
    this.entries.next({ type: 'stopped', data: { at: Date.now(), report } });
    this.entries.complete();
  }

  private log(name: string, what: string): void {
    this.logger.log(`${name.padEnd(16)} ${what}`);
  }
}
