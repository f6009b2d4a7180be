import type { Counter, Histogram, Meter, MeterProvider, UpDownCounter } from '@opentelemetry/api';
import type { TaskEventType } from '../scheduler/task-events.js';
import { TaskPoolFullError } from '../task/task-errors.js';
import type { Task } from '../task/task.js';
import { SCOPE, SCOPE_VERSION, type OpenTelemetry } from './open-telemetry.js';
import { placeOf } from './task-attributes.js';
import type { TaskWatcher } from './task-watchers.js';
import type { TelemetryLog } from './telemetry-log.js';

interface Instruments {
  readonly active: UpDownCounter;
  readonly duration: Histogram;
  readonly discarded: Counter;
  readonly abandoned: Counter;
}

/** Buckets in seconds: those of the semantic conventions for requests, and some for longer tasks. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300];

/** Attribute values for the scheduler's reasons to discard: few, and without numbers. */
const DISCARD_REASONS: ReadonlyMap<string, string> = new Map([
  ['route failed', 'route failed'],
  ['route succeeded', 'route succeeded'],
  ['the application has shut down', 'shutdown'],
]);

/** Counts and durations of tasks, with attributes from the code, not from user input. */
export class TaskMetrics implements TaskWatcher {
  readonly #api: OpenTelemetry;
  /** Instruments of each active task, kept until its end: another SDK may be registered by then. */
  readonly #countedIn = new WeakMap<Task, Instruments>();
  readonly #log: TelemetryLog;
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #active = 0;

  constructor(api: OpenTelemetry, log: TelemetryLog) {
    this.#api = api;
    this.#log = log;
  }

  get isActive(): boolean {
    if (this.#active > 0) return true;
    try {
      return this.#find() !== undefined;
    } catch (error) {
      this.#log.failed(error);
      return false;
    }
  }

  heard(type: TaskEventType, task: Task, reason: string, error: unknown): void {
    switch (type) {
      case 'started':
        this.#start(task);
        break;
      case 'succeeded':
      case 'failed':
      case 'cancelled': {
        const seconds = (performance.now() - (task.state.startedAt ?? 0)) / 1_000;
        this.#countedIn.get(task)?.duration.record(seconds, { ...placeOf(task), 'task.status': type });
        break;
      }
      case 'discarded': {
        const word = error instanceof TaskPoolFullError ? 'pool full' : (DISCARD_REASONS.get(reason) ?? 'other');
        this.#find()?.discarded.add(1, { ...placeOf(task), 'task.reason': word });
        break;
      }
      case 'abandoned':
        this.#find()?.abandoned.add(1, placeOf(task));
    }
  }

  finished(task: Task): void {
    const instruments = this.#countedIn.get(task);
    if (instruments === undefined) return;
    this.#countedIn.delete(task);
    this.#active -= 1;
    instruments.active.add(-1, placeOf(task));
  }

  #start(task: Task): void {
    const instruments = this.#find();
    if (instruments === undefined) return;
    instruments.active.add(1, placeOf(task));
    this.#countedIn.set(task, instruments);
    this.#active += 1;
  }

  /** Returns the instruments. Unlike a tracer, a meter obtained before the SDK's registration stays without effect. */
  #find(): Instruments | undefined {
    const provider = this.#api.metrics.getMeterProvider();
    if (provider !== this.#provider) {
      const meter = provider.getMeter(SCOPE, SCOPE_VERSION);
      const hasSdk = meter !== this.#api.createNoopMeter();
      this.#instruments = hasSdk ? createInstruments(meter) : undefined;
      this.#provider = provider;
    }
    return this.#instruments;
  }
}

function createInstruments(meter: Meter): Instruments {
  return {
    active: meter.createUpDownCounter('tasks.active', {
      unit: '{task}',
      description: 'Tasks that have started and are not done: their function or their onError runs.',
    }),
    duration: meter.createHistogram('tasks.duration', {
      unit: 's',
      description: "Duration of the first attempt of a task's function.",
      advice: { explicitBucketBoundaries: DURATION_BUCKETS },
    }),
    discarded: meter.createCounter('tasks.discarded', {
      unit: '{task}',
      description: 'Tasks that were discarded: by the outcome of their route, a full pool or shutdown.',
    }),
    abandoned: meter.createCounter('tasks.abandoned', {
      unit: '{task}',
      description: 'Tasks that were cancelled and did not stop in time, or whose onError did not stop.',
    }),
  };
}
