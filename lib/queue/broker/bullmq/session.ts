import { BrokerUnavailableError } from '../queue-errors.js';
import type { ResolvedQueueOptions } from '../queue-settings.js';
import type { BrokerLog } from '../broker.js';
import { Additions } from './additions.js';
import { SlotAcquisition } from './slot-acquisition.js';
import { Cancellations } from './cancellations.js';
import type { Connections } from './connections.js';
import { ExecutionFinder } from './execution-finder.js';
import { FleetSignals } from './fleet-signals.js';
import { JobClaims } from './job-claims.js';
import { JobMoves } from './job-moves.js';
import { JobStore } from './job-store.js';
import { LastReply, withPatience } from './patience.js';
import { Replacements } from './replacements.js';
import { JobNotifier } from './job-notifier.js';

/** Parts of an open connection. */
export interface Site {
  readonly connections: Connections;
  readonly jobs: JobStore;
  readonly finder: ExecutionFinder;
  readonly fleetSignals: FleetSignals;
  readonly replacements: Replacements;
  readonly notifier: JobNotifier;
  readonly moves: JobMoves;
  readonly acquisition: SlotAcquisition;
  readonly additions: Additions;
  readonly claims: JobClaims;
  readonly cancellations: Cancellations;
}

/** Life of a broker's connection: opened once for all callers, closed once. */
export class Session {
  /** Open connection; nothing until then. */
  site: Site | undefined;
  private opening: Promise<Site> | undefined;
  private isClosed = false;
  private readonly lastReply = new LastReply();

  constructor(
    private readonly label: string,
    private readonly options: ResolvedQueueOptions,
    private readonly workerId: string,
    private readonly openConnections: (lastReply: LastReply) => Promise<Connections>,
    private readonly log: BrokerLog,
  ) {}

  /** Connects, and does not wait for long while the broker says nothing. */
  open(): Promise<Site> {
    if (this.site !== undefined) return Promise.resolve(this.site);
    return withPatience(this.openOnce(), this.lastReply, () => new BrokerUnavailableError(this.label, 'no answer'));
  }

  /** Connects, however long that takes: once for all callers; after a failure, again for the next one. */
  openOnce(): Promise<Site> {
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

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.site === undefined) return; // one that is on its way is closed when it has come
    this.site.notifier.notify();
    await this.site.connections.close();
  }

  private async build(): Promise<Site> {
    const connections = await this.openConnections(this.lastReply);
    if (this.isClosed) {
      await connections.close();
      throw new BrokerUnavailableError(this.label, 'the application has shut down');
    }
    const jobs = new JobStore(connections, this.options);
    const moves = new JobMoves(connections, jobs, this.log);
    const fleetSignals = new FleetSignals(connections.signals, this.log);
    const acquisition = new SlotAcquisition(connections.limiter, jobs, moves, connections.shortCuts);
    const finder = new ExecutionFinder(connections, jobs);
    const replacements = new Replacements(connections.store, jobs, finder, fleetSignals, acquisition, this.log);
    const cancellations = new Cancellations(connections, jobs, replacements, fleetSignals, acquisition);
    const passOn = (): void => fleetSignals.send({ type: 'work' });
    const notifier = new JobNotifier(() => connections.worker(), this.options.lease, passOn);
    const additions = new Additions(this.label, connections, jobs, finder);
    const claims = new JobClaims(connections, moves, replacements, fleetSignals, acquisition, notifier, this.workerId);
    return {
      connections,
      jobs,
      finder,
      fleetSignals,
      replacements,
      notifier,
      moves,
      acquisition,
      additions,
      claims,
      cancellations,
    };
  }
}
