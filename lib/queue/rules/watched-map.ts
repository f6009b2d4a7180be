import type { Broker } from '../broker/broker.js';
import type { Clock } from '../broker/clock.js';

/** Interval of looks at a map, in milliseconds: signals may be lost, and a change must be in force within a second. */
const LOOK_INTERVAL = 600;

/** Shared map that this process follows: it reads each change when a signal tells of it, and at the next look at the latest. */
export class WatchedMap {
  private version: string | undefined;
  private loading: Promise<void> | undefined;
  private reading: Promise<void> | undefined;
  private mustReadAgain = false;
  private isClosed = false;
  private cancelLook: (() => void) | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly clock: Clock,
    private readonly name: string,
    /** Takes the entries of each version. */
    private readonly take: (entries: ReadonlyMap<string, string>, version: string) => void,
  ) {}

  get isLoaded(): boolean {
    return this.version !== undefined;
  }

  /** Resolves when the entries of before the call are known here. */
  load(): Promise<void> {
    if (this.isLoaded) return Promise.resolve();
    this.loading ??= this.subscribe().finally(() => (this.loading = undefined));
    return this.loading;
  }

  /** Resolves when all entries of now are known here. One look at a time, and another when something has changed meanwhile. */
  read(): Promise<void> {
    if (this.reading !== undefined) {
      this.mustReadAgain = true;
      return this.reading;
    }
    this.reading = this.readUntilQuiet().finally(() => (this.reading = undefined));
    return this.reading;
  }

  close(): void {
    this.isClosed = true;
    this.cancelLook?.();
  }

  /** Subscribes before the first look: an entry that is written in between is told, or read. */
  private async subscribe(): Promise<void> {
    await this.broker.signals.subscribe((signal) => {
      if (signal.type === 'map' && signal.map === this.name) this.read().catch(() => {}); // and again in a while
    });
    await this.read();
    if (this.broker.isShared) this.lookLater();
  }

  private lookLater(): void {
    if (this.isClosed) return;
    this.cancelLook = this.clock.schedule(LOOK_INTERVAL, () => {
      this.read().catch(() => {}); // the calls that matter tell of an outage
      this.lookLater();
    });
  }

  private async readUntilQuiet(): Promise<void> {
    do {
      this.mustReadAgain = false;
      const map = await this.broker.maps.read(this.name, this.version);
      if (this.isClosed) return;
      if (map !== undefined) {
        this.take(map.entries, map.version);
        this.version = map.version;
      }
    } while (this.mustReadAgain);
  }
}
