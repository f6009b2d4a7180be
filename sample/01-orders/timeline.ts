import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { TaskScheduler, TasksHealthIndicator, type TaskEvent } from 'nestjs-tasks';
import { ReplaySubject, startWith, type Observable } from 'rxjs';
import { shortId, type Order } from './order.js';
import { OrdersStore } from './orders.store.js';
import { reportLine, ShutdownEnds } from './shutdown-report.js';
import type { TimelineEntry } from './timeline-entry.js';

/** Entries kept for a page that is opened or reloaded: those of about forty orders. */
const REMEMBERED = 1_000;

/** Events of the shop, as they happen: each transition of each task, each response, each change of an order. */
@Injectable()
export class Timeline implements OnModuleInit {
  private readonly startedAt = Date.now();
  private readonly entries = new ReplaySubject<TimelineEntry>(REMEMBERED);
  private readonly logger = new Logger(Timeline.name);
  private shutdown: ShutdownEnds | undefined;

  constructor(
    private readonly scheduler: TaskScheduler,
    private readonly health: TasksHealthIndicator,
    private readonly orders: OrdersStore,
  ) {}

  /** Completes with the scheduler's events: an open page does not hold the shutdown up. */
  get entries$(): Observable<TimelineEntry> {
    const { startedAt } = this;
    return this.entries.pipe(startWith({ type: 'server', data: { at: Date.now(), startedAt } } as const));
  }

  onModuleInit(): void {
    this.orders.saved$.subscribe((order) => this.entries.next({ type: 'order', data: { at: Date.now(), order } }));
    this.scheduler.events$.subscribe({ next: (event) => this.hear(event), complete: () => this.stop() });
  }

  /** Adds the moment in which the response to an order was sent. */
  responded(order: Order): void {
    this.log(`response_${shortId(order)}`, 'sent');
    this.entries.next({ type: 'response', data: { at: Date.now(), orderId: order.id } });
  }

  private hear(event: TaskEvent): void {
    const { at, type, task, reason, error } = event;
    // Each task of the shop takes its order first, and is called <task>_<end of the order's id>.
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
