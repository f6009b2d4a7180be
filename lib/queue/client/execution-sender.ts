import { Inject, Injectable } from '@nestjs/common';
import { TaskTracer, type AddingOperation, type AddingSpan, type CarriedTrace } from '../../scheduler/task-tracer.js';
import { BROKER, type Broker } from '../broker/broker.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import type { AddedExecution, ExecutionExtras, KeyedExecution, NewExecution } from '../broker/record.js';

/** Answer of the broker, with what was sent. */
export interface SentExecution extends AddedExecution {
  /** Where they differ from those of the execution. */
  readonly extras?: ExecutionExtras;
}

/** Sends executions to the broker. Each carries its trace where the application records any. */
@Injectable()
export class ExecutionSender {
  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(QUEUE_OPTIONS) private readonly options: ResolvedQueueOptions,
    private readonly tracer: TaskTracer,
  ) {}

  /** Adds executions. Those from the outbox have their traces. */
  add(executions: readonly NewExecution[]): Promise<SentExecution[]> {
    const isTraced = this.tracer.isActive && executions.some(({ id }) => id === undefined);
    return isTraced
      ? this.sendTraced(executions, (traced) => this.broker.executions.add(traced))
      : this.broker.executions.add(executions);
  }

  /** Hands executions to `write`, which puts them into the outbox. Their ids were made before. */
  async write<E extends NewExecution & { readonly id: string }>(
    executions: readonly E[],
    write: (traced: readonly E[]) => Promise<void>,
  ): Promise<SentExecution[]> {
    const send = async (traced: readonly E[]): Promise<AddedExecution[]> => {
      await write(traced);
      return traced.map(({ id, key = id }) => ({ id, key, isNew: true }));
    };
    return this.tracer.isActive ? this.sendTraced(executions, send) : send(executions);
  }

  async replace(execution: KeyedExecution): Promise<SentExecution> {
    const isTraced = this.tracer.isActive && execution.id === undefined;
    const span = isTraced ? this.begin(execution, 'send') : undefined;
    const { key } = execution;
    if (span === undefined) return { id: await this.broker.executions.replace(execution), key, isNew: true };
    const traced = carrying(execution, span);
    try {
      const id = await span.run(() => this.broker.executions.replace(traced));
      span.added(id, true);
      return { id, key, isNew: true, extras: traced.extras };
    } catch (error) {
      span.failed(error);
      throw error;
    }
  }

  private async sendTraced<E extends NewExecution>(
    executions: readonly E[],
    send: (traced: readonly E[]) => Promise<AddedExecution[]>,
  ): Promise<SentExecution[]> {
    const operation = executions.length === 1 ? 'send' : 'create';
    const spans = executions.map((execution) => this.begin(execution, operation));
    const traced = executions.map((execution, at) => carrying(execution, spans[at]));
    const add = (): Promise<AddedExecution[]> => send(traced);
    try {
      const only = operation === 'send' ? spans[0] : undefined;
      const answers = await (only === undefined ? add() : only.run(add));
      for (const [at, { id, isNew }] of answers.entries()) spans[at]?.added(id, isNew);
      return answers.map((answer, at) => ({ ...answer, ...extrasOf(traced[at]) }));
    } catch (error) {
      for (const span of spans) span?.failed(error);
      throw error;
    }
  }

  private begin({ name }: NewExecution, operation: AddingOperation): AddingSpan | undefined {
    return this.tracer.beginAdding(name, this.options.name, operation);
  }
}

function extrasOf(execution: NewExecution | undefined): { readonly extras?: ExecutionExtras } {
  return execution?.extras === undefined ? {} : { extras: execution.extras };
}

function carrying<E extends NewExecution>(
  execution: E,
  span: AddingSpan | undefined,
): E & { readonly extras: ExecutionExtras } {
  const { extras } = execution;
  if (span === undefined) return { ...execution, extras: { ...extras } };
  const trace: CarriedTrace = { ...extras?.trace, headers: span.headers };
  return { ...execution, extras: { ...extras, trace } };
}
