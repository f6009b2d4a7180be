import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { TaskBatch, TaskScheduler, TasksService } from 'nestjs-tasks';
import { EventStore } from './event-store.service.js';
import type { TrackedEvent } from './tracked-event.pipe.js';

const BATCH_SIZE = 10;

/** Collects events, and has them stored ten at a time. */
@Injectable()
export class EventBuffer implements BeforeApplicationShutdown {
  private events: TrackedEvent[] = [];
  private batchSize = BATCH_SIZE;

  constructor(
    private readonly scheduler: TaskScheduler,
    private readonly store: EventStore,
  ) {}

  /** @param tasks of the request that tracks the event: should it fill the batch, its client does not wait for that. */
  add(event: TrackedEvent, tasks: TasksService): void {
    this.events.push(event);
    if (this.events.length >= this.batchSize) this.flush(tasks.afterResponse);
  }

  /**
   * The last hook before Nest closes the server. Requests in flight may still track events after it, and no hook comes
   * between their end and that of the tasks: so from here on each event is a batch of its own.
   */
  beforeApplicationShutdown(): void {
    this.batchSize = 1;
    if (this.events.length > 0) this.flush(this.scheduler);
  }

  private flush(tasks: TaskBatch | TaskScheduler): void {
    const batch = this.events;
    this.events = [];
    tasks
      // Always: these are the events of ten requests, and must not be discarded because the tenth fails after all.
      .task({ name: `analytics_batch_${batch.length}_events`, runOn: 'always' })
      .schedule(this.store.append, batch);
  }
}
