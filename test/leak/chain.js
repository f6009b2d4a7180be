import { setImmediate } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { TaskScheduler, TasksModule } from '../../dist/index.js';
import { heap } from './heap.js';

const TASKS = 20_000;
const WATCHED = 5;

/** A task that schedules the next one, as a poller does: what is left of those before. */
export async function measureChain() {
  class AppModule {}
  const app = await NestFactory.createApplicationContext(
    { module: AppModule, imports: [TasksModule.forRoot()] },
    { logger: false },
  );
  const scheduler = app.get(TaskScheduler);
  const first = [];
  const heaps = [];
  const poll = async (page) => {
    if (page.number < WATCHED) first.push(new WeakRef(page));
    if (page.number === TASKS / 10 || page.number === TASKS) {
      await setImmediate(); // a WeakRef keeps its target until the end of the turn
      heaps.push(heap());
    }
    if (page.number < TASKS) scheduler.schedule(poll, createPage(page.number + 1));
    else alive = first.filter((each) => each.deref() !== undefined).length; // while the last still runs
  };
  let alive;
  scheduler.schedule(poll, createPage(0));
  await scheduler.idle();
  await app.close();
  return { tasks: TASKS, grown: heaps[1] - heaps[0], alive };
}

function createPage(number) {
  return { number, rows: Array.from({ length: 200 }, () => number) };
}
