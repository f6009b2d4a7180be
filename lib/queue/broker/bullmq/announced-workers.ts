import type { BrokerLog, WorkerRecord } from '../broker.js';
import { readNumber, readStored } from '../stored.js';
import type { SideStore } from './side-store.js';

interface AnnouncedWorker {
  readonly worker: WorkerRecord;
  /** When it counts as gone, by the length of its own lease. */
  readonly until: number;
}

/** Workers of the fleet, as they have announced themselves. */
export class AnnouncedWorkers {
  constructor(
    private readonly store: SideStore,
    /** In milliseconds. */
    private readonly lease: number,
    private readonly log: BrokerLog,
  ) {}

  announce(worker: WorkerRecord): Promise<void> {
    const entry: AnnouncedWorker = { worker, until: worker.seenAt + 2 * this.lease };
    return this.store.putEntry('workers', worker.id, JSON.stringify(entry));
  }

  leave(workerId: string): Promise<boolean> {
    return this.store.deleteEntry('workers', workerId);
  }

  /** Takes those away that have gone without a word. */
  async present(): Promise<WorkerRecord[]> {
    const announced = (await this.store.entries('workers')).flatMap(([id, text]) => {
      const entry = readStored(text, readAnnounced);
      if (entry === undefined) this.log.unreadable(`worker ${id}`);
      return entry ?? [];
    });
    const now = Date.now();
    const gone = announced.filter(({ until }) => until < now);
    await Promise.all(gone.map(({ worker }) => this.store.deleteEntry('workers', worker.id)));
    return announced.filter(({ until }) => until >= now).map(({ worker }) => worker);
  }
}

function readAnnounced({ worker, until }: Readonly<Record<string, unknown>>): AnnouncedWorker | undefined {
  if (typeof worker !== 'object' || worker === null || readNumber(until) === undefined) return undefined;
  const { id, host, pid, concurrency, running, tasks, startedAt, seenAt } = worker as Partial<WorkerRecord>;
  const isWhole =
    typeof id === 'string' &&
    typeof host === 'string' &&
    [pid, concurrency, running, startedAt, seenAt].every((number) => readNumber(number) !== undefined) &&
    Array.isArray(tasks) &&
    tasks.every((task) => typeof task === 'string');
  return isWhole ? { worker: worker as WorkerRecord, until: until as number } : undefined;
}
