import { Injectable } from '@nestjs/common';
import type { ViewName } from '../../operations/api.js';
import { DashboardLog } from '../dashboard-log.js';
import { DashboardViews, type Query } from '../dashboard-views.js';
import { LivePoll, type LiveListener, type PollPlace } from './live-poll.js';
import { LiveTimes } from './live-times.js';

/** Times that a look's duration must pass before the next: all looks together take a twentieth of the time at most. */
const REST = 20;
/** Number of polls that are kept while nobody follows them: a stream that is renewed finds its own. */
const KEPT = 20;
/** Views whose looks are cheap: their data are in this process, or of one execution. */
const FAST: readonly string[] = ['execution', 'limits', 'now'] satisfies readonly ViewName[];

/** Looks at views on behalf of all streams: one poll for each view and query. Nothing runs while nobody looks. */
@Injectable()
export class LiveViews {
  private readonly polls = new Map<string, LivePoll>();

  constructor(
    private readonly views: DashboardViews,
    private readonly times: LiveTimes,
    private readonly log: DashboardLog,
  ) {}

  /**
   * Follows a view.
   *
   * @returns a function that ends it.
   * @throws {InputError} when the view does not exist, or its query cannot be used.
   */
  follow(view: string, query: Query, listener: LiveListener): () => void {
    const look = this.views.lookOf(view, query);
    let poll = this.polls.get(look.key);
    if (poll === undefined) {
      const shortest = FAST.includes(view) ? this.times.fast : this.times.slow;
      poll = new LivePoll(view === 'summary' ? 'summary' : 'view', look, shortest, this.placeOf(view));
    }
    // The order of the map is that of use.
    this.polls.delete(look.key);
    this.polls.set(look.key, poll);
    this.forgetIdle();
    return poll.follow(listener);
  }

  private placeOf(view: string): PollPlace {
    return { pace: ({ shortest }) => this.pace(shortest), failed: (error) => this.log.viewFailed(view, error) };
  }

  private pace(shortest: number): number {
    const cost = [...this.polls.values()].reduce((sum, poll) => sum + (poll.isWatched ? poll.cost : 0), 0);
    return Math.min(Math.max(shortest, REST * cost), this.times.longest);
  }

  private forgetIdle(): void {
    const idle = [...this.polls].filter(([, poll]) => !poll.isWatched);
    const old = idle.filter(([, { age }], at) => age > this.times.longest || at < idle.length - KEPT);
    for (const [key, { age }] of old) if (age < Infinity) this.polls.delete(key);
  }
}
