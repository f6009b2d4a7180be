import { afterEach, beforeEach, describe } from '@jest/globals';
import type { Broker, Claim } from '../../../../lib/queue/broker/broker.js';
import {
  BROKERS,
  brokerSpace,
  type BrokerKind,
  type BrokerOverrides,
  type BrokerSpace,
} from '../../../support/brokers.js';
import { until } from '../../../support/until.js';
import type { ExecutionRecord, KeyedExecution, LiveState, NewExecution } from '../../../../lib/queue/broker/record.js';
import type { Settlement } from '../../../../lib/queue/broker/settlement.js';

/** Of the tests that wait for leases to expire. */
export const SHORT_LEASE = 500;
/** Under the 5 seconds after which those who wait look by themselves, with what a busy machine adds. */
export const HURRY = 3_000;
export const HOUR = 3_600_000;

export const inAnHour = (): number => Date.now() + HOUR;

/** An execution whose arguments tell which one it is. */
export function job(args: unknown = null, overrides: Partial<NewExecution> = {}): NewExecution {
  return { key: undefined, name: 'task', args: JSON.stringify([args]), priority: 0, when: undefined, ...overrides };
}

export function keyed(key: string, args: unknown = null, overrides: Partial<NewExecution> = {}): KeyedExecution {
  return { ...job(args, overrides), key };
}

export const argsOf = ({ record }: Claim): unknown => (JSON.parse(record.args) as unknown[])[0];

export const COMPLETE: Settlement = { type: 'complete', result: '[null]' };

/** Every way to settle a run; those that go on do so in an hour, where they can. */
export const SETTLEMENTS = {
  complete: () => COMPLETE,
  retry: () => ({ type: 'retry', at: inAnHour(), error: { name: 'Error', message: 'bad' } }),
  reschedule: () => ({ type: 'reschedule', at: inAnHour(), args: '["rescheduled"]' }),
  fail: () => ({ type: 'fail', error: { name: 'Error', message: 'bad' } }),
  cancel: () => ({ type: 'cancel', reason: 'not wanted' }),
  drop: () => ({ type: 'drop', reason: 'not allowed' }),
  release: () => ({ type: 'release', reason: 'shutdown' }),
  'release until later': () => ({ type: 'release', at: inAnHour(), reason: 'unknown' }),
  park: () => ({ type: 'park', reason: 'blocked' }),
} satisfies Record<string, () => Settlement>;

export type SettlementName = keyof typeof SETTLEMENTS;
export const SETTLEMENT_NAMES = Object.keys(SETTLEMENTS) as SettlementName[];

/** What every broker must do, and two processes of a fleet that do it. */
export class BrokerSuite {
  queue = '';
  broker!: Broker;
  /** Another process; in memory there is but one. */
  other!: Broker;
  #opened: Broker[] = [];

  constructor(
    readonly kind: BrokerKind,
    readonly space: BrokerSpace,
  ) {
    beforeEach(() => {
      this.queue = space.newQueue();
      this.#opened = [];
      this.use({});
    });
    afterEach(() => Promise.all(this.#opened.map((one) => one.close())));
  }

  open(overrides?: BrokerOverrides): Broker {
    const found = this.space.open(this.queue, overrides);
    this.keep(found);
    return found;
  }

  /** Closes it after the test. */
  keep(broker: Broker): void {
    this.#opened.push(broker);
  }

  /** All processes of a fleet have the same lease and retention. */
  use(overrides: BrokerOverrides): void {
    this.broker = this.open({ ...overrides, workerId: 'w-1' });
    this.other = this.kind.isShared ? this.open({ ...overrides, workerId: 'w-2' }) : this.broker;
  }

  async add(execution: NewExecution): Promise<string> {
    const [added] = await this.broker.executions.add([execution]);
    if (added?.isNew !== true) throw new Error('The key is taken');
    return added?.key ?? '';
  }

  /** @returns the id. */
  async addAs(execution: NewExecution, at = this.broker): Promise<string> {
    const [added] = await at.executions.add([execution]);
    return added?.id ?? '';
  }

  /** Nothing has to happen first: it is due, but for the clock of the database, which may be some milliseconds behind. */
  claim(from = this.broker): Promise<Claim> {
    return until(() => from.runs.claim(), 'an execution that is due');
  }

  async record(key: string): Promise<ExecutionRecord> {
    const found = await this.broker.executions.get(key);
    if (found === undefined) throw new Error(`There is no execution ${key}`);
    return found;
  }

  async stateOf(key: string): Promise<string | undefined> {
    return (await this.broker.executions.get(key))?.state;
  }

  /** Runs everything that is due, one by one, and tells the arguments in the order of the runs. */
  async runAll(): Promise<unknown[]> {
    const ran: unknown[] = [];
    for (let next = await this.broker.runs.claim(); next !== undefined; next = await this.broker.runs.claim()) {
      ran.push(argsOf(next));
      await this.broker.runs.settle(next, COMPLETE, false);
    }
    return ran;
  }

  /** Makes an execution of that state, with the key and 'old' as its arguments. */
  async bring(key: string, state: LiveState, at = this.broker): Promise<Claim | undefined> {
    await this.add(keyed(key, 'old', state === 'scheduled' ? { when: inAnHour() } : {}));
    if (state === 'scheduled' || state === 'queued') return undefined;
    const held = await this.claim(at);
    if (state === 'retrying') await at.runs.settle(held, SETTLEMENTS.retry(), false);
    if (state === 'parked') await at.runs.settle(held, SETTLEMENTS.park(), false);
    return held;
  }

  /** The leases of so many runs expire; `other` is who notices. */
  async crash(count = 1): Promise<void> {
    let crashed = 0;
    await until(
      async () => (crashed += (await this.other.runs.recover()).crashed) >= count,
      `${count} leases to expire`,
    );
    if (crashed !== count) throw new Error(`${crashed} leases expired`);
  }
}

/** Describes a part of the port, for each broker. */
export function describeBrokers(part: string, define: (suite: BrokerSuite) => void): void {
  describe.each(BROKERS)(`${part} of the broker: $label`, (kind) => {
    define(new BrokerSuite(kind, brokerSpace(kind)));
  });
}
