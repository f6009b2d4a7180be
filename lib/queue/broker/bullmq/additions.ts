import { BrokerUnavailableError } from '../queue-errors.js';

import type { Connections } from './connections.js';
import { createExecutionId, looksLikeExecutionId } from '../execution-id.js';
import type { ExecutionFinder } from './execution-finder.js';
import type { JobStore } from './job-store.js';
import type { AddedExecution, NewExecution } from '../record.js';

/** Largest number of additions of one call under way at once: a large agenda would block the event loop. */
const MOST_AT_ONCE = 5_000;

/** Adds executions, one or many in a call. */
export class Additions {
  constructor(
    private readonly label: string,
    private readonly connections: Connections,
    private readonly jobs: JobStore,
    private readonly finder: ExecutionFinder,
  ) {}

  async addAll(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    const areRepeatable = executions.every(isRepeatable);
    const added: AddedExecution[] = [];
    const addParts = async (): Promise<AddedExecution[]> => {
      while (added.length < executions.length) {
        const part = executions.slice(added.length, added.length + MOST_AT_ONCE);
        const ids = part.map(({ id }) => id ?? createExecutionId(Date.now()));
        const jobIds = await Promise.all(part.map((execution, at) => this.addOne(execution, ids[at] as string)));
        for (const [at, execution] of part.entries()) {
          added.push(addedAs(jobIds[at] as string, ids[at] as string, execution));
        }
      }
      return added;
    };
    try {
      return await this.connections.answer(addParts, areRepeatable);
    } catch (error) {
      if (added.length === 0 || areRepeatable || !(error instanceof BrokerUnavailableError)) throw error;
      const what = `no answer after ${added.length} of ${executions.length} additions`;
      throw new BrokerUnavailableError(this.label, what, { cause: error, isRepeatable: areRepeatable });
    }
  }

  /** @returns the id of the execution that has the key: this one, or the one that had it before. */
  addOne(execution: NewExecution, own: string): Promise<string> {
    const { key } = execution;
    const { jobs, finder } = this;
    if (key === undefined || !looksLikeExecutionId(key)) return jobs.add(execution, own);
    // BullMQ cannot know that this is the key of an execution that was added without one.
    return finder.liveIdOf(key).then((known) => known ?? jobs.add(execution, own));
  }
}

/** Tells whether to add it twice adds it once. */
export function isRepeatable({ id, key }: NewExecution): boolean {
  return id !== undefined || key !== undefined;
}

export function addedAs(id: string, own: string, { key = own }: NewExecution): AddedExecution {
  return { id, key, isNew: id === own };
}
