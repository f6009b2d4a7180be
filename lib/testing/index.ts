export { TestTasks, type TestShutdownOptions, type TestTasksMode, type TestTasksOptions } from './test-tasks.js';
export type { ScheduledTasks } from './scheduled-tasks.js';
export type { ExpectedTask } from './expected-task.js';
export type { Matching } from './matching.js';
export type { ShutdownReport } from './test-shutdown.js';
export { TestQueue, type TestQueueOptions } from './test-queue.js';
export type { Addition, ExpectedAddition } from './addition.js';
export { VirtualClock } from './virtual-clock.js';
