import type { Clock } from '../clock.js';
import type { Signal, Signals, WorkerRecord } from '../broker.js';

/** Signals of a memory broker, which all arrive. */
export class MemorySignals implements Signals {
  private readonly listeners = new Set<(signal: Signal) => void>();
  private readonly announced = new Map<string, WorkerRecord>();

  constructor(
    private readonly clock: Clock,
    /** In milliseconds. */
    private readonly lease: number,
  ) {}

  tell(signal: Signal): void {
    for (const listener of this.listeners) listener(signal);
  }

  publish(signal: Signal): Promise<void> {
    this.tell(signal);
    return Promise.resolve();
  }

  subscribe(listener: (signal: Signal) => void): Promise<() => void> {
    this.listeners.add(listener);
    return Promise.resolve(() => this.listeners.delete(listener));
  }

  announce(worker: WorkerRecord): Promise<void> {
    this.announced.set(worker.id, worker);
    return Promise.resolve();
  }

  leave(workerId: string): Promise<void> {
    this.announced.delete(workerId);
    return Promise.resolve();
  }

  workers(): Promise<WorkerRecord[]> {
    const oldest = this.clock.now() - 2 * this.lease;
    for (const { id, seenAt } of this.announced.values()) if (seenAt < oldest) this.announced.delete(id);
    return Promise.resolve([...this.announced.values()]);
  }

  close(): void {
    this.listeners.clear();
  }
}
