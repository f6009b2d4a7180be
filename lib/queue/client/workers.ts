import { Inject, Injectable } from '@nestjs/common';
import { BROKER, QUIET, type Broker } from '../broker/broker.js';
import { CLOCK, type Clock } from '../broker/clock.js';
import { QUEUE_OPTIONS, type ResolvedQueueOptions } from '../broker/queue-settings.js';
import { readNumber, readStored } from '../broker/stored.js';
import { QueueLog } from '../log/queue-log.js';

/** One worker of the fleet, as it announces itself. Times are in milliseconds, by its own clock. */
export interface WorkerRecord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  /** How many executions it runs. */
  readonly running: number;
  /** Names of the tasks that it can run. */
  readonly tasks: readonly string[];
  readonly startedAt: number;
  /** When it was last ready to claim; not a mere sign of life of its process. */
  readonly seenAt: number;
}

interface AnnouncedWorker {
  readonly worker: WorkerRecord;
  /** When it counts as gone, by the length of its own lease. */
  readonly until: number;
}

/** Announcements come with every beat of every worker, and are read seldom. */
const MAP = `${QUIET}workers`;
/** Leases after which a worker that gives no sign of life counts as gone. */
const PRESENT_LEASES = 2;

/** Workers of the fleet, as they have announced themselves. */
@Injectable()
export class Workers {
  private readonly announced = new Set<string>();
  private lastLook = -Infinity;

  constructor(
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(QUEUE_OPTIONS) private readonly options: Pick<ResolvedQueueOptions, 'lease'>,
    private readonly log: QueueLog,
  ) {}

  /** Makes the worker present, until it gives no sign of life for two leases. */
  async announce(worker: WorkerRecord): Promise<void> {
    const entry: AnnouncedWorker = { worker, until: worker.seenAt + this.patience };
    this.announced.add(worker.id);
    await this.broker.maps.write(MAP, worker.id, JSON.stringify(entry));
    if (this.clock.now() - this.lastLook > this.patience) await this.present();
  }

  /** Takes a worker off the list that has announced itself here. Connects to no broker for any other. */
  async leave(id: string): Promise<void> {
    if (this.announced.delete(id)) await this.broker.maps.erase(MAP, id);
  }

  /**
   * Returns the workers that are present, and erases the entries of those that have gone without a word.
   *
   * @param own worker of this process, which is newer than its entry.
   */
  async present(own?: WorkerRecord): Promise<WorkerRecord[]> {
    const now = (this.lastLook = this.clock.now());
    const { entries = [] } = (await this.broker.maps.read(MAP)) ?? {};
    const announced = Array.from(entries, ([id, text]) => ({ id, text, ...this.read(id, text) }));
    const gone = announced.filter(({ until = Infinity }) => until < now);
    await Promise.all(gone.map(({ id, text }) => this.broker.maps.erase(MAP, id, { expected: text })));
    const present = announced.flatMap(({ worker, until = -Infinity }) => {
      return worker === undefined || worker.id === own?.id || until < now ? [] : worker;
    });
    return own === undefined ? present : [...present, own];
  }

  private get patience(): number {
    return PRESENT_LEASES * this.options.lease;
  }

  private read(id: string, text: string): AnnouncedWorker | undefined {
    const entry = readStored(text, readAnnounced);
    if (entry === undefined) this.log.unreadable(`worker ${id}`);
    return entry;
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
