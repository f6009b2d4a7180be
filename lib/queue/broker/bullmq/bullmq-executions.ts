import type { Cancellation, Foretell, Listing, ExecutionStore } from '../broker.js';
import { addedAs, isRepeatable } from './additions.js';
import { createExecutionId } from '../execution-id.js';
import type { LiveFilter, LiveLook, LivePage } from '../live.js';
import type { TaskDepth } from '../queue-depth.js';
import type { Session } from './session.js';
import type {
  AddedExecution,
  ChainSchedule,
  ExecutionRecord,
  ExecutionStatus,
  KeyedExecution,
  NewExecution,
} from '../record.js';

/** Executions as BullMQ jobs. */
export class BullMqExecutions implements ExecutionStore {
  constructor(private readonly session: Session) {}

  async add(executions: readonly NewExecution[]): Promise<AddedExecution[]> {
    const site = this.session.site ?? (await this.session.open());
    const [first] = executions;
    if (first === undefined || executions.length > 1) return site.additions.addAll(executions);
    // Nearly all additions are of one: it costs no lists and no further promises.
    const own = first.id ?? createExecutionId(Date.now());
    const id = await site.connections.answer(() => site.additions.addOne(first, own), isRepeatable(first));
    return [addedAs(id, own, first)];
  }

  async replace(execution: KeyedExecution): Promise<string> {
    const { connections, replacements } = await this.session.open();
    const id = execution.id ?? createExecutionId(Date.now());
    await connections.answer(() => replacements.replace(execution, id));
    return id;
  }

  async retime(known: ExecutionRecord, when: number, schedule?: ChainSchedule): Promise<boolean> {
    const { connections, jobs, fleetSignals } = await this.session.open();
    const isRetimed = await connections.answer(() => jobs.retime(known, when, schedule));
    if (!isRetimed) return false;
    fleetSignals.send({ type: 'work' }); // it may be due before anything that workers wait for
    fleetSignals.send({ type: 'changed', id: known.id });
    return true;
  }

  async cancel(key: string, reason: string, id?: string, foretell?: Foretell): Promise<Cancellation> {
    const { connections, cancellations } = this.session.site ?? (await this.session.open());
    return connections.answer(() => cancellations.cancel(key, reason, id, foretell));
  }

  async get(key: string): Promise<ExecutionRecord | undefined> {
    const { connections, finder } = await this.session.open();
    return connections.answer(() => finder.get(key));
  }

  async find(id: string, key: string): Promise<ExecutionStatus | undefined> {
    const { connections, finder } = await this.session.open();
    return connections.answer(() => finder.find(id, key));
  }

  async read(id: string, key: string): Promise<ExecutionRecord | undefined> {
    const { connections, finder } = await this.session.open();
    return connections.answer(() => finder.read(id, key));
  }

  async size(): Promise<number> {
    const { connections, jobs } = await this.session.open();
    return connections.answer(() => jobs.size());
  }

  async list(limit: number): Promise<Listing> {
    const { connections, jobs } = await this.session.open();
    return connections.answer(() => jobs.list(limit));
  }

  async page(filter: LiveFilter, look: LiveLook): Promise<LivePage> {
    const { connections, jobs } = await this.session.open();
    return connections.answer(() => jobs.page(filter, look));
  }

  async depths(): Promise<TaskDepth[]> {
    const { connections } = await this.session.open();
    return connections.answer(() => connections.backlog.depths());
  }

  async clear(reason: string): Promise<number> {
    const { cancellations } = await this.session.open();
    return cancellations.clear(reason);
  }
}
