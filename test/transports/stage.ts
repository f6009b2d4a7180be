import { Inject, Injectable } from '@nestjs/common';
import type { TasksService } from 'nestjs-tasks';
import { Journal } from '../support/journal.js';

type Act = (tasks: TasksService) => unknown;

/** What a test wants done, and where. */
@Injectable()
export class Stage {
  readonly services: TasksService[] = [];
  private readonly acts = new Map<string, Act>();

  constructor(@Inject(Journal) readonly journal: Journal) {}

  on(name: string, act: Act): this {
    this.acts.set(name, act);
    return this;
  }

  play(name: string, tasks: TasksService): unknown {
    this.services.push(tasks);
    return this.acts.get(name)?.(tasks) ?? name;
  }

  /** An act that fills both batches, and then does what is asked for. */
  batches(name: string, then: () => unknown = () => name): Act {
    return (tasks) => {
      tasks.afterRoute.schedule(this.journal.write, `${name}: route`);
      tasks.afterResponse.schedule(this.journal.write, `${name}: response`);
      return then();
    };
  }
}
