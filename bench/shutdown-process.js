// One application of shutdown.js: node shutdown-process.js <arm> <tasks>. Its tasks wait on a timer with their signal.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { TaskContext, TaskScheduler, TasksModule } from '../dist/index.js';
import { answerParent } from './arm-process.js';

const [arm, count] = process.argv.slice(2);
const wait = (signal) => sleep(600_000, undefined, { signal });

/** What a team writes that has no library: a controller for each, all aborted before the application goes. */
class ByHand {
  running = new Map();

  schedule(func) {
    const controller = new AbortController();
    const forget = () => this.running.delete(controller);
    this.running.set(controller, func(controller.signal).then(forget, forget));
  }

  async onModuleDestroy() {
    for (const controller of this.running.keys()) controller.abort();
    await Promise.all(this.running.values());
  }
}

const {
  imports = [],
  providers = [],
  schedule,
} = {
  empty: { schedule: () => {} },
  'by hand': {
    providers: [ByHand],
    schedule: (app) => app.get(ByHand).schedule(wait),
  },
  'nestjs-tasks': {
    imports: [TasksModule.forRoot()],
    schedule: (app) => app.get(TaskScheduler).schedule(() => wait(app.get(TaskContext).signal)),
  },
}[arm];

class AppModule {}
const app = await NestFactory.createApplicationContext({ module: AppModule, imports, providers }, { logger: false });
app.enableShutdownHooks();
new AsyncLocalStorage().run({ requestId: 'bench' }, () => {
  for (let i = 0; i < Number(count); i++) schedule(app);
});
// A task starts in a microtask, a call by hand at once: both have their timers before the signal comes.
await setImmediate();
globalThis.gc();
answerParent('ready');
