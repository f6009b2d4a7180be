import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { TaskScheduler } from 'nestjs-tasks';
import { ReplaySubject, type Observable } from 'rxjs';

/** One thing that happened. */
export interface TimelineEntry {
  readonly at: number;
  readonly what: string;
  readonly task: string;
  readonly reason?: string;
  readonly timing?: string;
  readonly shielded?: boolean;
}

/** What the page may have missed when it is opened or reloaded. */
const REMEMBERED = 200;

/** What happens in the shop, in order: each transition of each task, and each response. */
@Injectable()
export class Timeline implements OnModuleInit {
  private readonly entries = new ReplaySubject<TimelineEntry>(REMEMBERED);
  private readonly logger = new Logger(Timeline.name);

  constructor(private readonly scheduler: TaskScheduler) {}

  /** Completes with the scheduler's events, so that an open page does not hold the shutdown up. */
  get entries$(): Observable<TimelineEntry> {
    return this.entries.asObservable();
  }

  onModuleInit(): void {
    this.scheduler.events$.subscribe({
      next: ({ type, task, reason }) => {
        this.add(type === 'succeeded' ? 'finished' : type, task.name, {
          reason,
          timing: task.timing,
          shielded: task.shielded,
        });
      },
      complete: () => this.entries.complete(),
    });
  }

  add(what: string, task: string, details: Partial<TimelineEntry> = {}): void {
    this.logger.log(`${task.padEnd(16)} ${what}${details.reason === undefined ? '' : ` (${details.reason})`}`);
    this.entries.next({ at: Date.now(), what, task, ...details });
  }
}
