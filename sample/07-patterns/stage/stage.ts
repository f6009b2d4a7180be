import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TaskQueue, TasksModule } from 'nestjs-tasks';
import { LogBook } from './log-book.js';
import type { Place } from './place.js';

/** What a scene is played with. */
export interface Stage {
  readonly queue: TaskQueue;
  /** What the application has logged. */
  readonly log: LogBook;
  /** Prints a line. */
  say(line: string): void;
}

/** A provider with tasks, and a function that plays with them. */
export interface Scene {
  readonly title: string;
  perform(place: Place): Promise<void>;
}

@Module({})
class SceneModule {}

/**
 * @param tasks provided by an application of the scene's own, which is one process of a fleet: it adds and it runs.
 */
export function scene<T>(title: string, tasks: Type<T>, play: (stage: Stage, tasks: T) => Promise<void>): Scene {
  return {
    title,
    async perform({ url, prefix }) {
      const log = new LogBook();
      const queue = { url, prefix, name: tasks.name };
      const app = await NestFactory.createApplicationContext(
        { module: SceneModule, imports: [TasksModule.forRoot({ queue })], providers: [tasks] },
        { logger: log },
      );
      try {
        await play({ queue: app.get(TaskQueue), log, say: (line) => console.log(`     ${line}`) }, app.get(tasks));
      } finally {
        await app.close();
      }
    },
  };
}
