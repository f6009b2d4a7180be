import type { Broker, ExecutionStore } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Outbox } from './outbox.js';
import { OutboxedExecutions } from './outboxed-executions.js';

/** Broker whose executions are those of another one and of an outbox. */
export class OutboxedBroker implements Broker {
  readonly executions: ExecutionStore;

  constructor(
    private readonly inner: Broker,
    outbox: Outbox,
    clock: Clock,
  ) {
    this.executions = new OutboxedExecutions(inner.executions, outbox, clock);
  }

  get label(): string {
    return this.inner.label;
  }

  get isShared(): boolean {
    return this.inner.isShared;
  }

  get ended(): Broker['ended'] {
    return this.inner.ended;
  }

  get runs(): Broker['runs'] {
    return this.inner.runs;
  }

  get limits(): Broker['limits'] {
    return this.inner.limits;
  }

  get logs(): Broker['logs'] {
    return this.inner.logs;
  }

  get maps(): Broker['maps'] {
    return this.inner.maps;
  }

  get signals(): Broker['signals'] {
    return this.inner.signals;
  }

  get timeline(): Broker['timeline'] {
    return this.inner.timeline;
  }

  get duties(): Broker['duties'] {
    return this.inner.duties;
  }

  connect(): Promise<void> {
    return this.inner.connect();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
