import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Claim } from '../../../lib/queue/broker/broker.js';
import { QueueLog } from '../../../lib/queue/log/queue-log.js';
import { ExecutionRun, type RunOwner } from '../../../lib/queue/worker/execution-run.js';
import type { TaskLog } from '../../../lib/scheduler/task-log.js';
import { VirtualClock } from '../../../lib/testing/virtual-clock.js';
import type { Task } from '../../../lib/task/task.js';
import type { Settlement } from '../../../lib/queue/broker/settlement.js';

const LEASE = 1_000;
const CLAIM = { id: 'm1', token: 't', crashes: 0, record: { name: 'mail.send', key: 'k', attempt: 1 } } as Claim;
const COMPLETE: Settlement = { type: 'complete', result: '1' };

/** A worker that only notes what it is told. */
class Worker implements RunOwner {
  readonly clock = new VirtualClock(new Date(0));
  readonly log = new QueueLog({ write: () => {} } as unknown as TaskLog);
  readonly excused: Claim[] = [];
  readonly told: string[] = [];
  isStopping = false;

  writeProgress(): Promise<void> {
    return Promise.resolve();
  }

  readonly queue = 'tasks';
  readonly keptLines = 0;

  excuse(claim: Claim): void {
    this.excused.push(claim);
  }

  tell(id: string): void {
    this.told.push(id);
  }
}

describe('ExecutionRun', () => {
  let worker: Worker;
  let run: ExecutionRun;
  let aborts: unknown[];
  let task: Task;

  beforeEach(() => {
    worker = new Worker();
    run = new ExecutionRun(CLAIM, worker, 0, LEASE);
    aborts = [];
    task = { state: { isFinished: false }, cancel: (reason: unknown) => aborts.push(reason) } as unknown as Task;
  });

  it('goes from preparing to its end', async () => {
    expect(run.phase).toBe('preparing');
    run.runAs(task);
    expect([run.phase, run.isEnding]).toEqual(['running', false]);
    run.settleAs(COMPLETE);
    expect([run.phase, run.settlement]).toEqual(['settling', COMPLETE]);
    run.end();
    expect([run.phase, run.isEnding]).toEqual(['ended', false]);
    await run.left;
  });

  it('was called when what it had to wait for had come, and not later', async () => {
    expect(run.calledAt).toBe(0);
    await worker.clock.advance(100);
    run.expire(); // as it is after each wait
    run.runAs(task);
    await worker.clock.advance(100);
    run.expire(); // as it is now and then
    expect(run.calledAt).toBe(100);
  });

  it('is ending as long as it is prepared, and when its task has finished', () => {
    expect(run.isEnding).toBe(true);
    run.runAs(task);
    expect(run.isEnding).toBe(false);
    Object.assign(task.state, { isFinished: true });
    expect(run.isEnding).toBe(true);
  });

  it('loses its lease for good, and once', () => {
    run.runAs(task);
    run.loseLease();
    run.loseLease();
    expect([run.phase, run.isLost, run.isOvertaken]).toEqual(['lost', true, true]);
    expect(worker.excused).toEqual([CLAIM]);
    expect(aborts).toMatchObject([{ name: 'LeaseLostError' }]);
    run.settleAs(COMPLETE);
    expect(run.phase).toBe('lost');
    expect(run.willRetry(new Error('any'))).toBe(true);
  });

  it('loses no lease when it has ended', () => {
    run.end();
    run.loseLease();
    expect([run.phase, worker.excused]).toEqual(['ended', []]);
  });

  it('loses its lease while it is held, and is not waited for again', async () => {
    run.runAs(task);
    run.hold();
    await run.left;
    expect([run.phase, run.isEnding]).toEqual(['held', false]);
    run.loseLease();
    Object.assign(task.state, { isFinished: true });
    expect([run.phase, run.isEnding]).toEqual(['lost', false]);
  });

  it('is settled after it was held', () => {
    run.hold();
    run.settleAs(COMPLETE);
    expect(run.phase).toBe('settling');
  });

  it('never shortens its lease, and loses it when its time is over', async () => {
    run.extendLease(LEASE / 2);
    expect(run.leaseUntil).toBe(LEASE);
    run.extendLease(2 * LEASE);
    await worker.clock.advance(2 * LEASE - 1);
    run.expire();
    expect(run.isLost).toBe(false);
    await worker.clock.advance(1);
    run.expire();
    expect(run.isLost).toBe(true);
  });

  it('passes a cancellation on to its task', () => {
    run.cancel('early');
    expect([run.cancellation, run.isOvertaken]).toEqual(['early', true]);
    run.runAs(task);
    run.cancel('late');
    expect([run.cancellation, aborts]).toEqual(['late', ['late']]);
  });

  it('is unwanted when its worker stops', () => {
    expect(run.isUnwanted).toBe(false);
    worker.isStopping = true;
    expect(run.isUnwanted).toBe(true);
  });

  it('tells of its execution through its worker', () => {
    run.tell();
    expect(worker.told).toEqual(['m1']);
  });
});
