import type { BatchObservableResult, Histogram, Meter, MeterProvider, Observable } from '@opentelemetry/api';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { DurableRegistry } from '../queue/declaration/durable-registry.js';
import type { Outcome, RunListener, RunTallies } from '../queue/log/run-tallies.js';
import type { OutboxStats, TaskStats } from '../queue/queue-stats.js';
import { labelText } from '../task/log-text.js';
import type { FleetObserver } from './fleet-observer.js';
import { SCOPE, SCOPE_VERSION, type OpenTelemetry } from './open-telemetry.js';
import type { QueueLook } from './queue-look.js';
import type { TelemetryLog } from './telemetry-log.js';

interface Instruments {
  readonly depth: Observable;
  readonly oldestWait: Observable;
  readonly outboxWaiting: Observable;
  readonly outboxOldestWait: Observable;
  readonly startLatency: Histogram;
  readonly duration: Histogram;
}

/** Buckets in seconds: a queue may be late by hours. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];
/** Age of a look that several readers may share, in milliseconds. */
const SHARED_AGE = 1_000;
/** Most tasks that are observed: names in the store may come from anywhere. */
const MAX_TASKS = 1_000;

const STATES = ['scheduled', 'waiting', 'parked', 'running', 'retrying'] as const;
const EMPTY: OutboxStats = { waiting: 0, oldestWait: undefined };
const NONE: TaskStats = { scheduled: 0, waiting: 0, parked: 0, running: 0, retrying: 0, oldestWait: undefined };

/** Metrics of the queue. Of the fleet's executions one process reports; of its runs each worker does. */
export class QueueMetrics implements RunListener, OnApplicationBootstrap, OnModuleDestroy {
  #provider: MeterProvider | undefined;
  #meter: Meter | undefined;
  #instruments: Instruments | undefined;
  #isOver = false;
  /** Tasks with values that the SDK reports again and again, until it is given others. */
  readonly #reported = new Set<string>();
  #hasOutbox = false;
  readonly #observe = (result: BatchObservableResult): Promise<void> => this.#report(result);

  constructor(
    private readonly api: OpenTelemetry,
    private readonly log: TelemetryLog,
    private readonly look: QueueLook,
    private readonly observer: FleetObserver,
    private readonly registry: DurableRegistry,
    private readonly tallies: RunTallies,
  ) {}

  /** Begins where there are durable tasks: others may have no broker to ask. */
  onApplicationBootstrap(): void {
    if (this.registry.ownNames.length === 0) return;
    this.tallies.listener = this;
    this.#try(() => this.#find());
  }

  onModuleDestroy(): void {
    this.#isOver = true;
    this.observer.stop();
  }

  started(name: string, latency: number): void {
    this.#try(() => this.#find()?.startLatency.record(latency / 1_000, { 'task.function': labelText(name) }));
  }

  ended(name: string, outcome: Outcome, duration: number): void {
    this.#try(() => {
      // Nothing is made where no SDK is there: this is called for each run.
      const instruments = this.#find();
      if (instruments === undefined) return;
      const attributes = { 'task.function': labelText(name), 'task.outcome': outcome };
      instruments.duration.record(duration / 1_000, attributes);
    });
  }

  /** Returns the instruments. A meter obtained before the SDK's registration stays without effect. */
  #find(): Instruments | undefined {
    const provider = this.api.metrics.getMeterProvider();
    if (provider === this.#provider) return this.#instruments;
    this.#provider = provider;
    this.#let();
    const meter = provider.getMeter(SCOPE, SCOPE_VERSION);
    if (meter === this.api.createNoopMeter()) return (this.#instruments = undefined);
    this.#meter = meter;
    this.#instruments = createInstruments(meter);
    if (this.#isOver) return this.#instruments;
    meter.addBatchObservableCallback(this.#observe, observed(this.#instruments));
    this.observer.start();
    return this.#instruments;
  }

  /** Observes no more on the meter that it had. */
  #let(): void {
    if (this.#instruments === undefined) return;
    this.#meter?.removeBatchObservableCallback(this.#observe, observed(this.#instruments));
  }

  async #report(result: BatchObservableResult): Promise<void> {
    const instruments = this.#instruments;
    if (instruments === undefined) return;
    try {
      if (await this.observer.isObserving()) {
        const { tasks, outbox } = await this.look.stats(SHARED_AGE);
        for (const name of this.#named(Object.keys(tasks))) {
          const stats = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
          reportOne(result, instruments, labelText(name), stats ?? NONE);
        }
        this.#hasOutbox = outbox !== undefined;
        if (outbox !== undefined) reportOutbox(result, instruments, outbox);
      } else {
        for (const name of this.#reported) reportOne(result, instruments, labelText(name), NONE);
        if (this.#hasOutbox) reportOutbox(result, instruments, EMPTY);
      }
      if (this.#isOver) this.#let();
    } catch (error) {
      this.log.failed(error);
    }
  }

  /** Returns the tasks to report: those declared here, those in the queue, and those that were reported before. */
  #named(found: readonly string[]): ReadonlySet<string> {
    for (const name of [...this.registry.ownNames, ...found]) {
      if (this.#reported.size < MAX_TASKS) this.#reported.add(name);
    }
    return this.#reported;
  }

  #try(record: () => void): void {
    try {
      record();
    } catch (error) {
      this.log.failed(error);
    }
  }
}

function reportOne(result: BatchObservableResult, to: Instruments, name: string, stats: TaskStats): void {
  for (const state of STATES) {
    result.observe(to.depth, stats[state], { 'task.function': name, 'task.state': state });
  }
  // 0 where nothing waits: a series that ends would leave an alert as it is.
  result.observe(to.oldestWait, (stats.oldestWait ?? 0) / 1_000, { 'task.function': name });
}

function reportOutbox(result: BatchObservableResult, to: Instruments, { waiting, oldestWait }: OutboxStats): void {
  result.observe(to.outboxWaiting, waiting);
  result.observe(to.outboxOldestWait, (oldestWait ?? 0) / 1_000);
}

/** Returns what one process reports for the fleet. */
function observed({ depth, oldestWait, outboxWaiting, outboxOldestWait }: Instruments): Observable[] {
  return [depth, oldestWait, outboxWaiting, outboxOldestWait];
}

function createInstruments(meter: Meter): Instruments {
  const advice = { explicitBucketBoundaries: BUCKETS };
  return {
    depth: meter.createObservableGauge('tasks.queue.depth', {
      unit: '{execution}',
      description: 'Executions of the fleet that have not ended.',
    }),
    oldestWait: meter.createObservableGauge('tasks.queue.oldest_wait', {
      unit: 's',
      description: 'Time since the first execution was due that has not started; 0 where none waits.',
    }),
    outboxWaiting: meter.createObservableGauge('tasks.outbox.waiting', {
      unit: '{execution}',
      description: 'Executions that transactions have written, and no worker has relayed yet.',
    }),
    outboxOldestWait: meter.createObservableGauge('tasks.outbox.oldest_wait', {
      unit: 's',
      description: 'Time since the first execution was written that has not been relayed; 0 where none waits.',
    }),
    startLatency: meter.createHistogram('tasks.queue.start_latency', {
      unit: 's',
      description: "Time from when an attempt of an execution was due to the call of its task's function.",
      advice,
    }),
    duration: meter.createHistogram('tasks.queue.duration', {
      unit: 's',
      description: "Time from the call of a task's function to the end of the attempt.",
      advice,
    }),
  };
}
