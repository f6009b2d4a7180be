import type { TaskQueueOptions } from 'nestjs-tasks';

/** Where the queue is: the same for every process. */
export const QUEUE = {
  url: process.env.QUEUE_URL ?? 'redis://127.0.0.1:6379',
  prefix: process.env.QUEUE_PREFIX ?? 'durable_orders',
} satisfies TaskQueueOptions;
