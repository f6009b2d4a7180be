import type { Type } from '@nestjs/common';
import type { OutboxDatabase } from './outbox/outbox-database.js';
import type { Retention } from './retention.js';

/** Database of the queue. */
export type QueueBackend = 'memory' | 'redis' | 'postgres';

export const QUEUE_OPTIONS = Symbol('QUEUE_OPTIONS');
export const WORKER_ID = Symbol('WORKER_ID');

/** Options after checks and defaults. Times are in milliseconds. */
export interface ResolvedQueueOptions {
  readonly backend: QueueBackend;
  /** Connection option of the driver. */
  readonly connection: unknown;
  /** Name of the connection option, for errors. */
  readonly setting: 'queue.url' | 'queue.connection';
  readonly name: string;
  readonly prefix: string;
  readonly hasWorker: boolean;
  readonly concurrency: number;
  readonly lease: number;
  readonly migrate: boolean;
  readonly retention: Retention;
  /** Largest arguments, in bytes. */
  readonly maxArgumentSize: number;
  readonly builtInTasks: boolean;
  /** Provider classes that carry the async context. */
  readonly carriers: readonly Type<never>[];
  /** Database of the application, into whose transactions additions are written. */
  readonly outbox: OutboxDatabase | undefined;
  /** Number of lines that are kept of what the runs of an execution log. */
  readonly logs: number;
}
