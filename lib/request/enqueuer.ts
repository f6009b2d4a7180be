import { Injectable } from '@nestjs/common';
import type { ArgumentsCall } from '../queue/client/arguments-call.js';
import { ADD_OPTIONS, type AddingCall, type AddOptions, type AnyTask } from '../queue/client/adding-call.js';
import { ExecutionWriter, type Addition } from '../queue/client/execution-writer.js';
import type { Execution } from '../queue/client/execution.js';

const ENQUEUE: AddingCall = { name: 'tasks.enqueue', options: ADD_OPTIONS };

/** Adds executions of durable tasks for requests. */
@Injectable()
export class Enqueuer {
  constructor(private readonly adder: ExecutionWriter) {}

  /** See {@link ExecutionWriter.expectArguments}. */
  expectArguments<R>(
    task: AnyTask,
    options: AddOptions,
    rest: readonly unknown[],
    enqueue: (name: string, args: unknown[]) => R,
  ): ArgumentsCall<unknown[], R> {
    return this.adder.expectArguments(ENQUEUE, task, options, rest, enqueue);
  }

  /** @throws {TaskArgumentError} when an option or an argument cannot be used. */
  describe(name: string, options: AddOptions, args: readonly unknown[]): Addition {
    return this.adder.describe(name, args, options);
  }

  add(additions: readonly Addition[]): Promise<Execution[]> {
    return this.adder.add(additions);
  }
}

/**
 * Adds together all additions of one turn of the microtasks. In memory and on PostgreSQL that is one step: all, or none
 * if the broker refuses. On Redis they are sent together, and those before the refused one stay.
 */
export class EnqueueGroup {
  #additions: Addition[] = [];
  #written: Promise<Execution[]> | undefined;

  constructor(private readonly enqueuer: Enqueuer) {}

  async add(addition: Addition): Promise<Execution> {
    const at = this.#additions.push(addition) - 1;
    this.#written ??= Promise.resolve().then(() => this.#write());
    const executions = await this.#written;
    return executions[at]!;
  }

  #write(): Promise<Execution[]> {
    const additions = this.#additions;
    this.#additions = [];
    this.#written = undefined;
    return this.enqueuer.add(additions);
  }
}

/** Groups of one route: additions of its handler and its guards for the same moment are written together. */
export class EnqueueGroups {
  readonly afterRoute: EnqueueGroup;
  readonly afterResponse: EnqueueGroup;

  constructor(enqueuer: Enqueuer) {
    this.afterRoute = new EnqueueGroup(enqueuer);
    this.afterResponse = new EnqueueGroup(enqueuer);
  }
}
