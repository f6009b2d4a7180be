import type { JobJson } from 'bullmq';
import { BrokerUnavailableError, LeaseLostError } from '../../queue-errors.js';
import type { ResolvedQueueOptions } from '../../queue-options.js';
import {
  isEnded,
  type AddedExecution,
  type Book,
  type Broker,
  type Claim,
  type EntryName,
  type ExecutionRecord,
  type KeyedExecution,
  type Listing,
  type NewExecution,
  type ProgressRecord,
  type Recovery,
  type Renewal,
  type Settlement,
  type Signal,
  type WorkerInfo,
} from '../broker.js';
import type { Admission, Gate, PoolRecord } from '../gates/gate.js';
import { Admissions } from './admissions.js';
import type { Connections } from './connections.js';
import { createExecutionId, looksLikeExecutionId } from './execution-id.js';
import { Fleet } from './fleet.js';
import { JobMoves } from './job-moves.js';
import { JobStore } from './job-store.js';
import { Replacements } from './replacements.js';
import { WorkBell } from './work-bell.js';

/** That a running execution is to be cancelled is remembered for so long, for the worker that may start it again. */
const CANCEL_TTL = 24 * 3_600_000;
/** What a replacement takes at most to be put in the place of a run that has settled, in milliseconds. */
const REPLACEMENT_TIME = 2_000;
/** How often what has ended is looked through for what is past its time, in milliseconds. */
const CLEANING = { least: 1_000, most: 30_000 };

interface AnnouncedWorker {
  readonly worker: WorkerInfo;
  /** When it counts as gone, by the length of its own lease. */
  readonly until: number;
}

/** Everything that a connection brings. */
interface Site {
  readonly connections: Connections;
  readonly jobs: JobStore;
  readonly moves: JobMoves;
  readonly fleet: Fleet;
  readonly replacements: Replacements;
  readonly bell: WorkBell;
  readonly admissions: Admissions;
}

/**
 * Keeps executions as BullMQ jobs. BullMQ's keys and tables are touched through its own backend only; what it cannot do
 * lives in our `SideStore` beside them.
 *
 * A user's key is the job's `deduplication.id`, which BullMQ keeps from `add` until the job has ended, in the very scripts
 * that move the job. An execution without a key has its job's id for one.
 */
export class BullMqBroker implements Broker {
  readonly isShared = true;

  private opening: Promise<Site> | undefined;
  private site: Site | undefined;
  private isClosed = false;
  private tokens = 0;
  private cleanAfter = 0;
  private isHearing = false;

  constructor(
    readonly label: string,
    private readonly options: ResolvedQueueOptions,
    private readonly workerId: string,
    private readonly openConnections: () => Promise<Connections>,
  ) {}

  async connect(): Promise<void> {
    await this.open();
  }

  async add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    const site = this.site ?? (await this.open());
    return site.connections.answer(() => Promise.all(executions.map((execution) => this.addOne(site, execution))));
  }

  async replace(execution: KeyedExecution): Promise<void> {
    const { connections, replacements } = await this.open();
    const id = createExecutionId(Date.now());
    await connections.answer(() => replacements.replace(execution, id));
  }

  async cancel(key: string, reason: string): Promise<'cancelled' | 'signalled' | 'not-found'> {
    const { connections, replacements, jobs, fleet, admissions } = await this.open();
    return connections.answer(async () => {
      const wasReplaced = await replacements.take(key);
      for (;;) {
        const job = await jobs.findLive(key);
        if (job === undefined) return wasReplaced ? 'cancelled' : 'not-found';
        if (job.record.state === 'running') {
          await connections.store.setNote('cancel', job.id, reason, CANCEL_TTL);
          await fleet.send({ type: 'cancel', id: job.id, reason });
          // One that has been parked or put off meanwhile has not heard of it, and may not for long.
          const now = await jobs.read(job.id);
          if (now === undefined || isEnded(now.record.state) || now.record.state === 'running') return 'signalled';
          continue;
        }
        if (await jobs.cancelWaiting(job, reason)) {
          await admissions.forgetVisit(job);
          await fleet.send({ type: 'changed', key });
          return 'cancelled';
        }
      }
    });
  }

  async get(key: string): Promise<ExecutionRecord | undefined> {
    const { connections, jobs } = await this.open();
    return connections.answer(async () => (await jobs.findLive(key))?.record ?? (await jobs.findEnded(key)));
  }

  async size(): Promise<number> {
    const { connections, jobs } = await this.open();
    return connections.answer(() => jobs.size());
  }

  async list(limit: number): Promise<Listing> {
    const { connections, jobs } = await this.open();
    return connections.persist(() => jobs.list(limit)); // many calls, if many are to be listed
  }

  async clear(reason: string): Promise<number> {
    const { connections, jobs, replacements, fleet, admissions } = await this.open();
    return connections.persist(async () => {
      const replaced = await replacements.takeAll();
      const gone = await jobs.cancelAllWaiting(reason);
      await Promise.all(gone.map((job) => admissions.forgetVisit(job)));
      await Promise.all(gone.map(({ record }) => fleet.send({ type: 'changed', key: record.key })));
      return replaced + gone.length;
    });
  }

  async claim(): Promise<Claim | undefined> {
    const site = this.site ?? (await this.open());
    this.hearFleet(site);
    site.bell.answer();
    this.tokens += 1;
    const token = `${this.workerId}:${this.tokens}`;
    const { job, dueAt = 0 } = await site.connections.persist(() => site.moves.next(token, this.workerId));
    if (job !== undefined) return this.toClaim(site, job, token);
    site.bell.setNextDue(dueAt);
    return undefined;
  }

  async waitForWork(signal: AbortSignal): Promise<void> {
    const { bell } = this.site ?? (await this.open());
    return bell.wait(signal);
  }

  async settle(claim: Claim, settlement: Settlement, claimNext: boolean): Promise<Claim | undefined> {
    const site = this.site ?? (await this.open());
    const { key } = claim.record;
    try {
      // What has been replaced must not be started again by the very call that settles it, nor by anybody else.
      const isAwaited = site.replacements.awaits(key);
      const final = isAwaited ? putOff(settlement) : settlement;
      site.admissions.release(claim, final);
      const next = await site.connections.persist(() => site.moves.settle(claim, final, claimNext && !isAwaited));
      // At once: what is heard after that is newer.
      if (next.job === undefined && next.dueAt !== undefined) site.bell.setNextDue(next.dueAt);
      const isReplaced = await site.replacements.end(key);
      const nextClaim = next.job && (await this.toClaim(site, next.job, claim.token));
      return nextClaim === undefined && isReplaced && claimNext ? await this.claim() : nextClaim;
    } catch (error) {
      if (!isLeaseLost(error)) throw error;
      void site.replacements.end(key);
      throw new LeaseLostError(key, { cause: error });
    }
  }

  async renew(claims: readonly Claim[]): Promise<Renewal> {
    const site = await this.open();
    const { connections, admissions } = site;
    const ids = claims.map(({ id }) => id);
    const tokens = claims.map(({ token }) => token);
    const [lostIds, reasons] = await connections.persist(() =>
      Promise.all([
        connections.worker().extendLocks(ids, tokens, this.options.lease),
        connections.store.getNotes('cancel', ids),
        admissions.renew(claims),
      ]),
    );
    const lost = claims.filter(({ id }) => lostIds.includes(id));
    for (const { record } of lost) void site.replacements.end(record.key);
    const cancelled = new Map<Claim, string>();
    for (const [at, claim] of claims.entries()) {
      const reason = reasons[at];
      if (reason !== undefined) cancelled.set(claim, reason);
    }
    return { lost, cancelled };
  }

  async recover(): Promise<Recovery> {
    const { connections, jobs, replacements, admissions } = await this.open();
    return connections.persist(async () => {
      const stalled = await connections.worker().moveStalledJobsToWait();
      await replacements.applyAll();
      const againAt = await admissions.sweep();
      const now = Date.now();
      if (now >= this.cleanAfter) {
        this.cleanAfter = now + Math.min(CLEANING.most, Math.max(CLEANING.least, this.options.retention / 2));
        await jobs.clean();
        await this.presentWorkers(connections);
      }
      return { crashed: stalled.length, ...(againAt !== undefined && { againAt }) };
    });
  }

  async wake(key: string): Promise<boolean> {
    const { connections, jobs } = await this.open();
    return connections.answer(async () => {
      const job = await jobs.findLive(key);
      return job?.record.state === 'parked' && jobs.wake(job.id);
    });
  }

  async admit(claim: Claim, gates: readonly Gate[]): Promise<Admission> {
    const { connections, admissions } = this.site ?? (await this.open());
    return connections.persist(() => admissions.admit(claim, gates));
  }

  async pools(): Promise<PoolRecord[]> {
    const { connections, admissions } = await this.open();
    return connections.answer(() => admissions.pools());
  }

  async setProgress(claim: Claim, progress: ProgressRecord): Promise<void> {
    const { connections, moves } = await this.open();
    await connections.answer(() => moves.setProgress(claim, progress));
  }

  async readBook(book: string, version?: string): Promise<Book | undefined> {
    const { connections } = await this.open();
    return connections.answer(() => connections.store.readBook(book, version));
  }

  async writeEntry(book: string, field: string, value: string, owner?: EntryName): Promise<void> {
    const { connections, fleet } = await this.open();
    await connections.answer(() => connections.store.writeEntry(book, field, value, owner));
    await fleet.send({ type: 'book', book });
  }

  async eraseEntry(book: string, field: string, expected?: string): Promise<boolean> {
    const { connections, fleet } = await this.open();
    const wasThere = await connections.answer(() => connections.store.eraseEntry(book, field, expected));
    if (wasThere) await fleet.send({ type: 'book', book });
    return wasThere;
  }

  async eraseBook(book: string): Promise<void> {
    const { connections } = await this.open();
    await connections.answer(() => connections.store.eraseBook(book));
  }

  async announce(worker: WorkerInfo): Promise<void> {
    const { connections } = await this.open();
    const entry: AnnouncedWorker = { worker, until: worker.seenAt + 2 * this.options.lease };
    await connections.answer(() => connections.store.putEntry('workers', worker.id, JSON.stringify(entry)));
  }

  async leave(workerId: string): Promise<void> {
    const connections = this.site?.connections;
    await connections?.answer(() => connections.store.deleteEntry('workers', workerId));
  }

  async workers(): Promise<WorkerInfo[]> {
    const { connections } = await this.open();
    return connections.answer(() => this.presentWorkers(connections));
  }

  async publish(signal: Signal): Promise<void> {
    const { fleet } = await this.open();
    await fleet.send(signal);
  }

  async subscribe(listener: (signal: Signal) => void): Promise<() => void> {
    const { fleet } = await this.open();
    return fleet.listen((signal) => {
      if (signal.type !== 'replaced' && signal.type !== 'work') listener(signal);
    });
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.site === undefined) return; // one that is on its way is closed when it has come
    this.site.bell.ring();
    await this.site.connections.close();
  }

  /** Takes those away that have gone without a word. */
  private async presentWorkers({ store }: Connections): Promise<WorkerInfo[]> {
    const announced = (await store.entries('workers')).map(([, text]) => JSON.parse(text) as AnnouncedWorker);
    const now = Date.now();
    const gone = announced.filter(({ until }) => until < now);
    await Promise.all(gone.map(({ worker }) => store.deleteEntry('workers', worker.id)));
    return announced.filter(({ until }) => until >= now).map(({ worker }) => worker);
  }

  /** Connects, once for all callers; after a failure, again for the next one. */
  private open(): Promise<Site> {
    if (this.opening === undefined) {
      const opening = this.build();
      this.opening = opening;
      opening.then(
        (site) => (this.site = site),
        () => (this.opening = undefined),
      );
    }
    return this.opening;
  }

  private async build(): Promise<Site> {
    const connections = await this.openConnections();
    if (this.isClosed) {
      await connections.close();
      throw new BrokerUnavailableError(this.label, 'the application has shut down');
    }
    const jobs = new JobStore(connections, this.options);
    const moves = new JobMoves(connections, jobs, this.options);
    const fleet = new Fleet(connections.store);
    const admissions = new Admissions(connections.gates, jobs, moves, this.options.lease);
    const replacements = new Replacements(connections.store, jobs, fleet, admissions);
    // Others look by themselves in a while, so a signal that fails is no loss.
    const passOn = (): void => void fleet.send({ type: 'work' }).catch(() => {});
    const bell = new WorkBell(() => connections.worker(), this.options.lease, passOn);
    return { connections, jobs, moves, fleet, replacements, bell, admissions };
  }

  private async addOne({ jobs }: Site, execution: NewExecution): Promise<AddedExecution> {
    const { key } = execution;
    // BullMQ cannot know that this is the key of an execution that was added without one.
    if (key !== undefined && looksLikeExecutionId(key) && (await jobs.findLive(key)) !== undefined) {
      return { key, isNew: false };
    }
    const id = createExecutionId(Date.now());
    return { key: key ?? id, isNew: (await jobs.add(execution, id)) === id };
  }

  private async toClaim(site: Site, job: JobJson, token: string): Promise<Claim> {
    // Asked for in an earlier start, perhaps, whose worker did not live to hear of it.
    const isRestarted = job.attemptsStarted > 1;
    // Where it cannot be asked for now, the next renewal of the lease tells.
    const notes = isRestarted ? site.connections.store.getNotes('cancel', [job.id]).catch(() => []) : [];
    const [cancellation] = await notes;
    const claim = site.moves.toClaim(job, token, cancellation);
    site.replacements.begin(claim.record.key);
    return claim;
  }

  /** What a worker must hear, beside what its users subscribe to. */
  private hearFleet({ fleet, bell, replacements }: Site): void {
    if (this.isHearing) return;
    this.isHearing = true;
    fleet
      .listen((signal) => {
        if (signal.type === 'work') bell.ring();
        else if (signal.type === 'replaced') replacements.hear(signal.key);
      })
      .catch(() => (this.isHearing = false)); // the next claim tries again
  }
}

/** What would go on at once goes on a little later: until then, another is in its place. */
function putOff(settlement: Settlement): Settlement {
  const { type } = settlement;
  if (type !== 'reschedule' && type !== 'retry' && type !== 'release') return settlement;
  return { ...settlement, at: Math.max(settlement.at ?? 0, Date.now() + REPLACEMENT_TIME) };
}

/** BullMQ's codes for a job that is gone, without lock, not active, or locked by somebody else. */
const LEASE_LOST_CODES = new Set<unknown>([-1, -2, -3, -6]);

function isLeaseLost(error: unknown): boolean {
  return LEASE_LOST_CODES.has((error as { code?: unknown } | undefined)?.code);
}
