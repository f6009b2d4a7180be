/** Where the queue is kept. */
export type QueueBackend = 'memory' | 'redis' | 'postgres';

export const QUEUE_OPTIONS = Symbol('QUEUE_OPTIONS');
export const WORKER_ID = Symbol('WORKER_ID');

/** The options after checks and defaults. Times are in milliseconds. */
export interface ResolvedQueueOptions {
  readonly backend: QueueBackend;
  /** What the driver connects with. */
  readonly connection: unknown;
  /** The option that it comes from, for errors. */
  readonly setting: 'queue.url' | 'queue.connection';
  readonly name: string;
  readonly prefix: string;
  readonly hasWorker: boolean;
  readonly concurrency: number;
  readonly lease: number;
  readonly migrate: boolean;
  readonly retention: number;
  /** In bytes. */
  readonly maxArgumentSize: number;
  readonly builtInTasks: boolean;
}
