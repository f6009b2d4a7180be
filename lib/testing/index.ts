export { TestQueue, type TestQueueOptions } from './test-queue.js';
export type { Addition, ExpectedAddition } from './addition.js';
export { VirtualClock } from './virtual-clock.js';
