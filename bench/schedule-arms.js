// The arms of schedule.js. Each is opened in a process of its own, and loads there what it needs. It schedules `func`
// `count` times at once, and resolves when all have ended.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';

async function openApplication(imports, providers = []) {
  class AppModule {}
  return NestFactory.createApplicationContext({ module: AppModule, imports, providers }, { logger: false });
}

async function openScheduler(options) {
  const { TasksModule, TaskScheduler } = await import('../dist/index.js');
  const scheduler = (await openApplication([TasksModule.forRoot(options)])).get(TaskScheduler);
  return async (func, count) => {
    for (let i = 0; i < count; i++) scheduler.schedule(func);
    await scheduler.idle();
  };
}

/** A listener and `emit()`, as in the documentation. */
async function openEmitter(options) {
  const { EventEmitterModule, EventEmitter2, OnEvent } = await import('@nestjs/event-emitter');
  class Listener {
    async handle({ func, end }) {
      await func();
      end();
    }
  }
  const { prototype } = Listener;
  // The decorator, called as TypeScript would.
  OnEvent('bench', options)(prototype, 'handle', Object.getOwnPropertyDescriptor(prototype, 'handle'));
  const app = await openApplication([EventEmitterModule.forRoot()], [Listener]);
  await app.init();
  const emitter = app.get(EventEmitter2);
  return (func, count) =>
    countdown(count, (end) => {
      for (let i = 0; i < count; i++) emitter.emit('bench', { func, end });
    });
}

function countdown(count, start) {
  return new Promise((resolve) => {
    let left = count;
    start(() => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
}

/** The library, with and without `@opentelemetry/api`. No SDK is registered. */
export const OWN = {
  'nestjs-tasks': async () => {
    await import('@opentelemetry/api'); // fails where it is not installed
    return openScheduler();
  },
  // The option leaves the API unloaded, which is all that happens where it is not installed.
  'nestjs-tasks, no OpenTelemetry API': () => openScheduler({ telemetry: false }),
};

export const PEERS = {
  'bare promise': () => (func, count) =>
    countdown(count, (end) => {
      for (let i = 0; i < count; i++) Promise.resolve().then(func).then(end);
    }),
  'p-queue': async () => {
    const { default: PQueue } = await import('p-queue');
    return async (func, count) => {
      const queue = new PQueue();
      for (let i = 0; i < count; i++) queue.add(func);
      await queue.onIdle();
    };
  },
  fastq: async () => {
    const { default: fastq } = await import('fastq');
    return async (func, count) => {
      const queue = fastq.promise((task) => task(), Number.MAX_SAFE_INTEGER);
      for (let i = 0; i < count; i++) queue.push(func);
      await queue.drained();
    };
  },
  '@nestjs/event-emitter, `@OnEvent()`': () => openEmitter(),
  '@nestjs/event-emitter, `@OnEvent({ async: true })`': () => openEmitter({ async: true }),
};
