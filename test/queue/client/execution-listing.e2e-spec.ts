import { expect, it, jest, describe } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Durable, TaskArgumentError } from 'nestjs-tasks';
import type { ListingFilter } from '../../../lib/queue/client/execution-listing.js';
import { Gate } from '../../support/app.js';
import { BROKERS, brokerSpace } from '../../support/brokers.js';
import { startQueue, type QueueContext } from '../../support/queue-context.js';
import { until } from '../../support/until.js';

jest.setTimeout(60_000);

@Injectable()
class Jobs {
  readonly go = new Gate();

  @Durable('jobs.hold')
  async hold(_text: string): Promise<void> {
    await this.go.passed;
  }

  @Durable('jobs.fail')
  fail(what: string): void {
    throw new TypeError(`no ${what}`);
  }

  @Durable('jobs.note')
  note(_text: string): void {}
}

describe.each(BROKERS)('a list of executions: $label', (kind) => {
  const space = brokerSpace(kind);

  async function list({ queue }: QueueContext, filter: ListingFilter = {}, limit = 100): Promise<string[]> {
    const keys: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await queue.page(filter, { limit, cursor });
      expect(page.records.length).toBeLessThanOrEqual(limit);
      expect(new Set(page.records.map(({ args }) => args))).toEqual(new Set(page.records.length > 0 ? ['[]'] : []));
      keys.push(...page.records.map(({ key }) => key));
      ({ cursor } = page);
    } while (cursor !== undefined);
    return keys;
  }

  async function fill(test: QueueContext): Promise<void> {
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    for (const key of ['done:1', 'done:2']) await (await queue.add(jobs.note, { key })('x')).result();
    const failed = await queue.add(jobs.fail, { key: 'failed' })('answer');
    await expect(failed.result()).rejects.toThrow('no answer');
    await queue.add(jobs.hold, { key: 'held' })('x');
    await until(async () => (await queue.get('held'))?.state === 'running', 'the run');
    await queue.add(jobs.note, { key: 'later', when: '1h' })('x');
  }

  it.each([1, 2, 3, 5, 100])('has what lives, then what has ended, %i a page', async (limit) => {
    await using test = await startQueue(space, { providers: [Jobs] });
    await fill(test);
    expect(await list(test, {}, limit)).toEqual(['held', 'later', 'failed', 'done:2', 'done:1']);
    test.context.get(Jobs).go.pass();
    await test.queue.clear();
  });

  it('is filtered by states of both kinds, task, key, error, worker and time of the end', async () => {
    await using test = await startQueue(space, { providers: [Jobs] });
    await fill(test);
    const { queue } = test;
    expect(await list(test, { states: ['scheduled', 'failed'] })).toEqual(['later', 'failed']);
    expect(await list(test, { states: ['running'] })).toEqual(['held']);
    expect(await list(test, { states: ['completed'] }, 1)).toEqual(['done:2', 'done:1']);
    expect(await list(test, { task: 'jobs.note' })).toEqual(['later', 'done:2', 'done:1']);
    expect(await list(test, { keyPrefix: 'done:' })).toEqual(['done:2', 'done:1']);
    expect(await list(test, { error: 'TypeError' })).toEqual(['failed']);
    const worker = (await queue.get('held'))?.worker;
    expect(await list(test, { worker }, 2)).toEqual(['held', 'failed', 'done:2', 'done:1']);
    expect(await list(test, { worker: 'another' })).toEqual([]);
    const endedAt = (await queue.get('failed'))?.endedAt?.getTime() ?? 0;
    expect(await list(test, { since: endedAt })).toEqual(['failed']);
    expect(await list(test, { until: endedAt }, 2)).toEqual(['failed', 'done:2', 'done:1']);
    expect(await queue.count({})).toBe(3);
    expect(await queue.count({ states: ['failed', 'running'], error: 'answer' })).toBe(1);
    expect(await queue.count({ states: ['running'] })).toBe(0);
    expect(await queue.count({ worker: 'another' })).toBe(0);
    test.context.get(Jobs).go.pass();
    await queue.clear();
  });

  it('refuses a cursor that is none', async () => {
    await using test = await startQueue(space, { providers: [Jobs] }, { worker: false });
    const texts = [
      'live',
      'live 1:2',
      'live 9:1e400:0:x',
      'live 1:99999999999999999999:0:x',
      'ended x',
      'ended 1:a b',
      '',
    ];
    for (const text of [...texts, 'live 1:1:1:\0']) {
      const cursor = Buffer.from(text).toString('base64url');
      await expect(test.queue.page({}, { limit: 5, cursor })).rejects.toThrow(TaskArgumentError);
    }
    await expect(test.queue.page({}, { limit: 5, cursor: 5 as never })).rejects.toThrow(TaskArgumentError);
  });

  it('leads to each execution with its arguments, by its key, and by its id where the key was used again', async () => {
    await using test = await startQueue(space, { providers: [Jobs] });
    const [jobs, { queue }] = [test.context.get(Jobs), test];
    const first = await queue.add(jobs.note, { key: 'k' })('first');
    await first.result();
    const second = await queue.add(jobs.note, { key: 'k', when: '1h' })('second');
    const found = async (target: { key: string; id?: string }) => (await queue.find(target))?.args[0];
    expect(await found({ key: 'k' })).toBe('second');
    expect(await found({ key: 'k', id: second.id })).toBe('second');
    expect(await found({ key: 'k', id: first.id })).toBe('first');
    expect((await queue.find({ key: 'k', id: first.id }))?.state).toBe('completed');
    expect(await found({ key: 'other', id: first.id })).toBeUndefined();
    expect(await found({ key: 'k', id: 'none' })).toBeUndefined();
    expect(await found({ key: 'none' })).toBeUndefined();
    await queue.clear();
  });
});
