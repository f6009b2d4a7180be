import type { Addition, ExecutionWriter } from '../queue/client/execution-writer.js';
import type { Execution } from '../queue/client/execution.js';

/**
 * Adds together all additions of one turn of the microtasks. In memory and on PostgreSQL that is one step: all, or none
 * if the broker refuses. On Redis they are sent together, and those before the refused one stay.
 */
export class EnqueueGroup {
  #additions: Addition[] = [];
  #written: Promise<Execution[]> | undefined;

  /** @param transaction of the application, in which they are written. */
  constructor(
    private readonly writer: ExecutionWriter,
    private readonly transaction?: unknown,
  ) {}

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
    return this.writer.add(additions, this.transaction);
  }
}

/** Groups of one route: additions of its handler and its guards for the same moment are written together. */
export class EnqueueGroups {
  readonly afterRoute: EnqueueGroup;
  readonly afterResponse: EnqueueGroup;

  constructor(writer: ExecutionWriter) {
    this.afterRoute = new EnqueueGroup(writer);
    this.afterResponse = new EnqueueGroup(writer);
  }
}
