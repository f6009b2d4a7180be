import { describe, expect, it } from '@jest/globals';
import type { IQueueBackend, JobJson } from 'bullmq';
import { AddBatcher } from '../../../../../lib/queue/broker/bullmq/postgres/add-batcher.js';

/** Takes jobs as BullMQ's backend does, unless they or the moment are bad. */
class FakeBackend {
  readonly calls: string[] = [];
  failure: (ids: string[]) => Error | undefined = () => undefined;

  async addJob(_job: JobJson, id: string): Promise<string> {
    return this.take('addJob', [id])[0] as string;
  }

  async addJobs(entries: { jobId: string }[]): Promise<string[]> {
    return this.take(
      'addJobs',
      entries.map(({ jobId }) => jobId),
    );
  }

  async addFlow(entries: { jobId: string }[]): Promise<[Error | null, string][]> {
    const ids = entries.map(({ jobId }) => jobId);
    try {
      return this.take('addFlow', ids).map((id) => [null, id]);
    } catch (error) {
      return ids.map((id) => [error as Error, id]);
    }
  }

  private take(call: string, ids: string[]): string[] {
    this.calls.push(`${call} ${ids.length}`);
    const failure = this.failure(ids);
    if (failure !== undefined) throw failure;
    return ids;
  }
}

function start() {
  const backend = new FakeBackend();
  const batcher = new AddBatcher(backend as unknown as IQueueBackend, 'tasks');
  const add = (id: string): Promise<string> => batcher.add({ id } as JobJson);
  const addMany = (count: number) => Promise.allSettled(Array.from({ length: count }, (_, at) => add(`job-${at}`)));
  return { backend, add, addMany };
}

const failWith = (code: string): Error => Object.assign(new Error(`error ${code}`), { code });

describe('AddBatcher', () => {
  it.each([
    [1, ['addJob 1']],
    [32, ['addFlow 32']],
    [33, ['addJobs 33']],
    [1_100, ['addJobs 500', 'addJobs 500', 'addJobs 100']],
  ])('sends %i adds of one turn together, as is fastest', async (count, calls) => {
    const { backend, addMany } = start();
    const results = await addMany(count);
    expect(results).toEqual(Array.from({ length: count }, (_, at) => ({ status: 'fulfilled', value: `job-${at}` })));
    expect(backend.calls).toEqual(calls);
  });

  it('sends what comes while a batch is on its way when that is back', async () => {
    const { backend, add } = start();
    const first = add('a');
    await new Promise(setImmediate);
    await Promise.all([first, add('b'), add('c')]);
    expect(backend.calls).toEqual(['addJob 1', 'addFlow 2']);
  });

  it('lets one that the database refuses fail alone', async () => {
    const { backend, addMany } = start();
    backend.failure = (ids) => (ids.includes('job-1') ? failWith('22P05') : undefined);
    const results = await addMany(3);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(backend.calls).toEqual(['addFlow 3', 'addJob 1', 'addJob 1', 'addJob 1']);
  });

  it('does not repeat them one by one when the database is not there', async () => {
    const { backend, addMany, add } = start();
    backend.failure = () => failWith('ECONNREFUSED');
    const results = await addMany(3);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(backend.calls).toEqual(['addFlow 3']);
    backend.failure = () => undefined;
    expect(await add('later')).toBe('later');
  });

  it('does not send what waits behind a batch that the database has not taken', async () => {
    const { backend, addMany } = start();
    backend.failure = () => failWith('ECONNREFUSED');
    const results = await addMany(1_100);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1_100);
    expect(backend.calls).toEqual(['addJobs 500']);
  });
});
