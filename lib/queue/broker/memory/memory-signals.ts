import type { Signal, Signals } from '../broker.js';

/** Signals of a memory broker, which all arrive. */
export class MemorySignals implements Signals {
  private readonly listeners = new Set<(signal: Signal) => void>();

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

  close(): void {
    this.listeners.clear();
  }
}
