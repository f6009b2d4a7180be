import { Inject, Injectable } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  BrokerUnavailableError,
  currentTask,
  Durable,
  TaskArgumentError,
  TaskQueue,
  TaskScheduler,
  TasksConfigError,
} from 'nestjs-tasks';
import { Gate } from '../support/app.js';
import { BROKERS, brokerSpace } from '../support/brokers.js';
import { startContext } from '../support/context.js';
import { Journal } from '../support/journal.js';
import { observe, startQueue } from '../support/queue-context.js';

const untilAborted = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    const { signal } = currentTask();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

@Injectable()
class ReportTasks {
  constructor(@Inject(Journal) private readonly journal: Journal) {}

  @Durable('reports.build', { onCancel: 'enqueue' })
  async build(id: string, options: { since: Date }): Promise<void> {
    this.journal.write(`${currentTask().run === undefined ? 'here' : 'from the queue'}: ${id}`);
    if (currentTask().run === undefined) await untilAborted();
    this.journal.write(options.since.toISOString());
  }

  @Durable('reports.ignore', { onCancel: 'enqueue' })
  ignore(until: Promise<void>): Promise<void> {
    return until;
  }

  undecorated(): void {}
}

const METADATA = { providers: [ReportTasks, Journal] };
const SINCE = new Date('2030-01-02T03:04:05.678Z');

describe.each(BROKERS.map((kind) => [kind.label, kind] as const))('onCancel: enqueue, on %s', (_label, kind) => {
  const space = brokerSpace(kind);

  it('hands what shutdown cancels to the queue, and another process runs it', async () => {
    const first = await startQueue(space, METADATA, { worker: false });
    const reports = first.context.get(ReportTasks);
    const running = first.scheduler.schedule(reports.build, '1', { since: SINCE });
    await running.started;
    const byHand = first.scheduler.schedule(reports.build, '2', { since: SINCE });
    await byHand.started;
    byHand.cancel('not wanted any more');
    await first.context.close();
    expect(running.status).toBe('cancelled');

    await using observer = observe(space, first);
    const { records } = await observer.executions.list(10);
    expect(records.map(({ name, state }) => [name, state])).toEqual([['reports.build', 'queued']]);
    expect(first.logs.matching(`Task build#${running.id} was cancelled by shutdown and added`)).toHaveLength(
      running.name === 'build' ? 1 : 0,
    );
    expect(first.logs.matching('and added to the queue as')).toHaveLength(1);
    expect(first.logs.matching('a queue in memory')).toHaveLength(kind.isShared ? 0 : 1);
    if (!kind.isShared) return;

    await using second = await startQueue(space, METADATA, { fleet: first.fleet });
    await second.queue.runUntilFinished();
    expect(second.context.get(Journal).entries).toEqual(['from the queue: 1', SINCE.toISOString()]);
  });

  it('says what could not be handed over, and goes on', async () => {
    const first = await startQueue(space, METADATA, { worker: false });
    const reports = first.context.get(ReportTasks);
    const task = first.scheduler.schedule(reports.build, '1', { since: SINCE });
    await task.started;
    first.broker.executions.add = () => Promise.reject(new BrokerUnavailableError('The broker', 'no answer'));
    await first.context.close();
    expect(
      first.logs.matching('and is lost, because it could not be added to the queue: The broker is unreachable'),
    ).toEqual([expect.stringContaining(`#${task.id}`)]);
  });
});

describe('onCancel', () => {
  it('is refused for what is no durable task', async () => {
    await using test = await startContext({}, METADATA);
    const configured = test.scheduler.task({ onCancel: 'enqueue' });
    expect(() => configured.schedule(test.context.get(ReportTasks).undecorated)).toThrow(TasksConfigError);
    expect(() => configured.schedule(() => {})).toThrow(
      /^onCancel is 'enqueue'\. Allowed: 'enqueue' only for methods with @Durable/,
    );
    // A promise does not travel.
    expect(() => test.scheduler.schedule(test.context.get(ReportTasks).ignore, Promise.resolve())).toThrow(
      TaskArgumentError,
    );
    expect(() => test.context.get(TaskScheduler).task({ onCancel: 'requeue' as never })).toThrow(
      "task().onCancel is 'requeue'. Allowed: 'enqueue'.",
    );
  });

  it('leaves runs of the queue to the queue', async () => {
    const gate = new Gate();
    @Injectable()
    class Own {
      @Durable('own.run', { onCancel: 'enqueue' })
      async run(): Promise<void> {
        gate.pass();
        await untilAborted();
      }
    }
    const test = await startContext({}, { providers: [Own] });
    await test.context.get(TaskQueue).add('own.run')();
    await gate.passed;
    await test.context.close();
    expect(test.logs.matching('and added to the queue as')).toEqual([]);
  });
});
