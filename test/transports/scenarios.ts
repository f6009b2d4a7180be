import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as macrotask } from 'node:timers/promises';
import { Inject, Injectable, type CanActivate, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import { Durable, OnTaskError, Shielded, type Task, type TasksService } from 'nestjs-tasks';
import { Journal } from '../support/journal.js';

/** The name of a durable task. */
export const NOTE = 'transports.note';

@Injectable()
export class NoteTasks {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Durable(NOTE)
  note(what: string): void {
    this.journal.write(what);
  }
}

/** What the handlers of all transports do, by the name that the client sends. */
@Injectable()
export class Scenarios {
  readonly context = new AsyncLocalStorage<string>();
  readonly tasks: Task[] = [];
  readonly services: TasksService[] = [];

  constructor(@Inject(Journal) readonly journal: Journal) {}

  async play(scenario: string, tasks: TasksService): Promise<string> {
    const { journal } = this;
    this.services.push(tasks);
    const write = (entry: string): void => journal.write(entry);
    switch (scenario) {
      case 'order':
        // In the reverse of the order in which they must start.
        this.keep(tasks.afterResponse.schedule(write, 'response 1'));
        this.keep(tasks.afterResponse.schedule(write, 'response 2'));
        this.keep(tasks.afterRoute.schedule(write, 'route 1'));
        this.keep(tasks.afterRoute.schedule(write, 'route 2'));
        this.keep(tasks.schedule(write, 'immediate'));
        journal.write('handler');
        await macrotask();
        journal.write('handler ends');
        return 'ok';
      case 'throw':
        this.keep(tasks.schedule(write, 'immediate'));
        this.keep(tasks.afterRoute.schedule(write, 'route'));
        this.keep(tasks.afterResponse.schedule(write, 'response'));
        this.keep(tasks.afterRoute.task({ runOn: 'error' }).schedule(write, 'route on error'));
        this.keep(tasks.afterResponse.task({ runOn: 'always' }).schedule(write, 'response always'));
        await macrotask();
        throw new Error('the handler fails');
      case 'task fails':
        this.keep(
          tasks.afterRoute.schedule(() => {
            throw new Error('the task fails');
          }),
        );
        this.keep(tasks.afterRoute.schedule(write, 'its sibling'));
        return 'ok';
      case 'context':
        return this.context.run('scheduled here', () => {
          for (const timing of [tasks, tasks.afterRoute, tasks.afterResponse]) {
            this.keep(timing.schedule(() => journal.write(this.context.getStore() ?? 'lost')));
          }
          return 'ok';
        });
      case 'late':
        this.keep(
          tasks.afterResponse.schedule(() => {
            journal.write('response');
            this.keep(tasks.afterRoute.schedule(write, 'late route'));
            this.keep(tasks.afterResponse.schedule(write, 'late response'));
          }),
        );
        return 'ok';
      case 'layers':
        this.keep(tasks.afterResponse.schedule(write, 'layers'));
        return 'ok';
      case 'enqueue':
        tasks.afterRoute.schedule(write, 'route');
        tasks.afterRoute.enqueue(NOTE, { key: 'note' })('accepted');
        return 'ok';
      default:
        return 'ok';
    }
  }

  private keep(task: Task): void {
    this.tasks.push(task);
  }
}

export class FailingPipe implements PipeTransform {
  transform(value: unknown): unknown {
    if (value === 'pipe fails') throw new Error('the pipe fails');
    return value;
  }
}

export class DenyingGuard implements CanActivate {
  canActivate(_context: ExecutionContext): boolean {
    return false;
  }
}

export const onError = (): void => {};

/** The layers of a class and a route. */
export const Layers = (): ClassDecorator => OnTaskError(onError) as ClassDecorator;
export const RouteLayer = (): MethodDecorator => Shielded() as MethodDecorator;
