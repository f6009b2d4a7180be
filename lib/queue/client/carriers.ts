import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { labelText } from '../../task/log-text.js';
import { TasksConfigError } from '../../task/task-errors.js';
import { CarrierError, TaskArgumentError } from '../broker/queue-errors.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { describeSize } from '../broker/size.js';
import { isJson } from './carried-json.js';
import type { Json, TaskContextCarrier } from './task-context-carrier.js';

/** Size of what all carriers together capture for one execution, in bytes: each look at the execution reads it. */
const MAX_CARRIED = 8 * 1_024;

const NONE: readonly TaskContextCarrier[] = [];

/** Captured values by the names of their carriers. */
type Captured = Readonly<Record<string, Json>>;

/** Captures with the carriers of the option `queue.carriers` what executions carry, and restores it for their runs. */
@Injectable()
export class Carriers implements OnModuleInit {
  /** Carriers in the order of the option; none before the first use. */
  private found: readonly TaskContextCarrier[] | undefined;

  constructor(
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    private readonly modules: ModuleRef,
  ) {
    if (options.carriers.length === 0) this.found = NONE;
  }

  /** Checks the option at bootstrap, where nothing has used it before. */
  onModuleInit(): void {
    this.found ??= this.find();
  }

  /**
   * Returns what an execution of the task carries from here, as JSON; nothing where there is nothing.
   *
   * @throws {CarrierError} when a carrier throws.
   * @throws {TaskArgumentError} when a captured value is no JSON, or all together are too large.
   */
  capture(task: string): string | undefined {
    const carriers = (this.found ??= this.find());
    if (carriers.length === 0) return undefined;
    const values = new Map<string, Json>();
    for (const carrier of carriers) {
      const value = captureWith(carrier, task);
      if (value !== undefined) values.set(carrier.name, value);
    }
    if (values.size === 0) return undefined;
    const text = JSON.stringify(Object.fromEntries(values));
    const size = Buffer.byteLength(text);
    if (size <= MAX_CARRIED) return text;
    const allowed = `up to ${describeSize(MAX_CARRIED)} of JSON, with what the other carriers return`;
    throw new TaskArgumentError(task, subjectOf(largestOf(values)), undefined, allowed, `${describeSize(size)} long`);
  }

  /**
   * Calls `run` in the context that the carriers restore. A value of a carrier that is unknown here, such as one of a newer
   * version, is left alone.
   *
   * @throws {CarrierError} when a carrier throws, or does not call what it is given.
   * @throws {SyntaxError} when the stored text is damaged.
   */
  restore(carried: string, run: () => void): void {
    const carriers = (this.found ??= this.find());
    if (carriers.length === 0) return run();
    const values = JSON.parse(carried) as Captured;
    const wanted = carriers.filter(({ name }) => Object.hasOwn(values, name));
    restoreFrom(0, wanted, values, run);
  }

  private find(): TaskContextCarrier[] {
    const carriers = this.options.carriers.map((type) => this.instanceOf(type));
    for (const [at, { name }] of carriers.entries()) {
      if (carriers.findIndex((other) => other.name === name) === at) continue;
      throw new TasksConfigError('queue.carriers', name, 'classes of which each has another name', `two of '${name}'`);
    }
    return carriers;
  }

  private instanceOf(type: Type<TaskContextCarrier>): TaskContextCarrier {
    const carrier = this.providerOf(type);
    const { name, capture, restore } = carrier;
    if (typeof capture !== 'function' || typeof restore !== 'function') {
      throw new TasksConfigError('queue.carriers', type, 'classes with the methods capture() and restore()');
    }
    if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
      const option = `name of the carrier ${labelText(type.name)}`;
      throw new TasksConfigError(option, name, "up to 64 letters, digits, '.', '_' and '-'");
    }
    return carrier;
  }

  private providerOf(type: Type<TaskContextCarrier>): TaskContextCarrier {
    try {
      return this.modules.get(type, { strict: false });
    } catch {
      throw new TasksConfigError(
        'queue.carriers',
        type,
        `classes that a module provides, in the default scope. Add ${labelText(type.name)} to the providers of a module`,
      );
    }
  }
}

function captureWith(carrier: TaskContextCarrier, task: string): Json | undefined {
  let value: unknown;
  let isValid: boolean;
  try {
    value = carrier.capture();
    isValid = value === undefined || isJson(value);
  } catch (cause) {
    throw new CarrierError(carrier.name, 'capture() has thrown; its error is the cause. Nothing was added', { cause });
  }
  if (isValid) return value as Json | undefined;
  const allowed = 'JSON: null, a string, boolean or finite number, a list or plain object of these; or undefined';
  throw new TaskArgumentError(task, subjectOf(carrier.name), value, allowed);
}

function restoreFrom(at: number, carriers: readonly TaskContextCarrier[], values: Captured, run: () => void): void {
  const carrier = carriers[at];
  if (carrier === undefined) return run();
  const { name } = carrier;
  let calls = 0;
  try {
    carrier.restore(values[name] as Json, () => {
      calls += 1;
      restoreFrom(at + 1, carriers, values, run);
    });
  } catch (cause) {
    if (cause instanceof CarrierError) throw cause; // of one within
    throw new CarrierError(name, 'restore() has thrown; its error is the cause', { cause });
  }
  if (calls === 1) return;
  throw new CarrierError(name, `restore() has called run ${calls} times. Call it once, before restore() returns`);
}

function subjectOf(carrier: string): string {
  return `carrier '${carrier}'`;
}

function largestOf(values: ReadonlyMap<string, Json>): string {
  const sizes = Array.from(values, ([name, value]) => ({ name, size: JSON.stringify(value).length }));
  return sizes.toSorted((a, b) => b.size - a.size)[0]?.name ?? '';
}
