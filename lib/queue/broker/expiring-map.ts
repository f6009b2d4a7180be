import type { Clock } from './clock.js';

/** Map that forgets entries after `ttl` milliseconds. It needs no timer: it looks when it is used. */
export class ExpiringMap<K, V> {
  readonly #entries = new Map<K, { readonly value: V; readonly until: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly ttl: number,
  ) {}

  set(key: K, value: V): void {
    const now = this.clock.now();
    this.#entries.delete(key); // so that the map stays in the order of expiry
    this.#entries.set(key, { value, until: now + this.ttl });
    for (const [oldest, { until }] of this.#entries) {
      if (until > now) return;
      this.#entries.delete(oldest);
    }
  }

  get(key: K): V | undefined {
    if (this.#entries.size === 0) return undefined;
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > this.clock.now() ? entry.value : undefined;
  }

  /** Forgets it as well. */
  take(key: K): V | undefined {
    const value = this.get(key);
    if (this.#entries.size > 0) this.#entries.delete(key);
    return value;
  }
}
