import type { Clock } from '../clock.js';
import { MINUTE, TIMELINE_RETENTION, type MinuteRecord, type TimelineStore } from '../timeline-store.js';

/** Timeline of a memory broker. */
export class MemoryTimeline implements TimelineStore {
  private readonly minutes = new Map<number, Map<string, MinuteRecord>>();

  constructor(private readonly clock: Clock) {}

  write(record: MinuteRecord): Promise<void> {
    const first = Math.floor((this.clock.now() - TIMELINE_RETENTION) / MINUTE);
    for (const minute of this.minutes.keys()) if (minute < first) this.minutes.delete(minute);
    const records = this.minutes.get(record.minute) ?? new Map<string, MinuteRecord>();
    this.minutes.set(record.minute, records.set(record.source, record));
    return Promise.resolve();
  }

  read(from: number, to: number): Promise<MinuteRecord[]> {
    const found = [...this.minutes].filter(([minute]) => minute >= from && minute < to);
    return Promise.resolve(found.flatMap(([, records]) => [...records.values()]));
  }
}
