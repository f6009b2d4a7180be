import { Injectable } from '@nestjs/common';
import { TaskQueue, type TaskStats } from 'nestjs-tasks';
import { distinctUntilChanged, exhaustMap, timer, type Observable } from 'rxjs';
import type { DurableState } from './durable-state.js';
import { HOT_CUSTOMER, InvoiceTasks } from './invoice.tasks.js';
import { ParcelTasks } from './parcel.tasks.js';
import { Partner } from './partner.js';
import { RecommendationTasks, STRUCK_CUSTOMER } from './recommendation.tasks.js';
import { StocktakeTasks } from './stocktake.tasks.js';

/** Time between two looks while a page is open, in milliseconds. */
const LOOK = 500;
/** Tasks that are always scheduled. */
const UPKEEP = new Set(['stock.check', 'invoices.report']);

/** State of the durable tasks, from the queue where it knows, and from the tasks for what they have done. */
@Injectable()
export class DurableBoard {
  /** Looks as long as somebody listens. */
  readonly state$: Observable<DurableState> = timer(0, LOOK).pipe(
    exhaustMap(() => this.state()),
    distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)),
  );

  constructor(
    private readonly queue: TaskQueue,
    private readonly partner: Partner,
    private readonly parcels: ParcelTasks,
    private readonly invoices: InvoiceTasks,
    private readonly recommendations: RecommendationTasks,
    private readonly stocktake: StocktakeTasks,
  ) {}

  async state(): Promise<DurableState> {
    const [{ tasks, isPaused }, failures, limits, isStruck] = await Promise.all([
      this.queue.stats(),
      this.queue.failures(),
      this.queue.limits(),
      this.recommendations.isStruck(),
    ]);
    const failed = failures
      .filter(({ task }) => task === 'parcels.announce')
      .reduce((sum, { count }) => sum + count, 0);
    const hot = limits.find(({ owner, value }) => owner === 'invoices.print' && value === HOT_CUSTOMER);
    const printed = this.invoices.printed.get(HOT_CUSTOMER) ?? 0;
    const { shelves, books } = this.stocktake;
    return {
      parcels: {
        isBroken: this.partner.isBroken,
        announced: this.parcels.announced,
        failed,
        left: leftOf(tasks['parcels.announce']),
      },
      invoices: {
        customer: HOT_CUSTOMER,
        running: hot?.holders.length ?? 0,
        waiting: hot?.waiters.length ?? 0,
        printed,
        others: [...this.invoices.printed.values()].reduce((sum, count) => sum + count, -printed),
        left: leftOf(tasks['invoices.print']),
      },
      recommendations: {
        customer: STRUCK_CUSTOMER,
        isStruck,
        sent: this.recommendations.sent,
        held: tasks['recommendations.send']?.parked ?? 0,
        left: leftOf(tasks['recommendations.send']),
      },
      stocktake: {
        shelves,
        counted: Math.max(0, shelves - leftOf(tasks['stocktake.shelf'])),
        ...(books !== undefined && { books }),
        left: leftOf(tasks['stocktake.shelf']) + leftOf(tasks['stocktake.sum']),
      },
      isPaused,
      left: Object.entries(tasks).reduce((sum, [name, stats]) => sum + (UPKEEP.has(name) ? 0 : leftOf(stats)), 0),
    };
  }
}

function leftOf(stats?: TaskStats): number {
  if (stats === undefined) return 0;
  return stats.scheduled + stats.waiting + stats.parked + stats.running + stats.retrying;
}
