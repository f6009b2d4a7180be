import {
  matches,
  type EndedFilter,
  type EndedLook,
  type EndedPage,
  type EndedStore,
  type FailureGroupRecord,
  type Retried,
} from '../ended.js';
import { summaryOf } from '../live.js';
import { isEnded, type EndState, type ExecutionRecord } from '../record.js';
import { storedOf, type JobStore } from './job-store.js';
import { memoText } from './job-memo.js';
import { memoForRetry } from './next-memo.js';
import type { Session, Site } from './session.js';

/** Ended executions as BullMQ's jobs in its sets of completed and failed ones. */
export class BullMqEnded implements EndedStore {
  constructor(private readonly session: Session) {}

  async page(filter: EndedFilter, look: EndedLook): Promise<EndedPage> {
    const { connections, jobs } = await this.session.open();
    const records: ExecutionRecord[] = [];
    let { cursor } = look;
    for (;;) {
      const rest: EndedLook = { ...look, limit: look.limit - records.length, cursor };
      const part = await connections.answer(() => connections.ended.look(filter, rest));
      for (const seen of part.jobs) {
        const record = storedOf(seen, Date.now())?.record;
        if (record === undefined || !isWanted(record, filter, jobs)) continue;
        records.push(look.isBrief === true ? summaryOf(record) : record);
      }
      ({ cursor } = part);
      if (cursor === undefined) return { records };
      if (records.length >= look.limit) return { records, cursor };
    }
  }

  async failures(since: number): Promise<FailureGroupRecord[]> {
    const { connections } = await this.session.open();
    const groups = await connections.answer(() => connections.ended.groups(since));
    return groups.flatMap(({ example, ...group }) => {
      const stored = storedOf(example, Date.now());
      return stored === undefined ? [] : [{ ...group, example: stored.record }];
    });
  }

  async retry(id: string, until = Infinity): Promise<Retried> {
    const site = await this.session.open();
    const retried = await site.connections.answer(() => this.retryJob(site, id, until));
    if (retried !== 'retried') return retried;
    site.fleetSignals.send({ type: 'work' });
    site.fleetSignals.send({ type: 'changed', id });
    return retried;
  }

  async forget(id: string, until = Infinity): Promise<boolean> {
    const { connections, fleetSignals } = await this.session.open();
    const wasThere = await connections.answer(() => connections.ended.forget(id, until));
    if (!wasThere) return false;
    const { store } = connections;
    await connections.answer(() => Promise.all([store.deleteNote('logs', id), store.deleteKept(id)]));
    fleetSignals.send({ type: 'changed', id });
    return true;
  }

  private async retryJob({ connections, jobs }: Site, id: string, until: number): Promise<Retried> {
    for (let last: number | undefined; ;) {
      const seen = await connections.readJob(id);
      const stored = seen && storedOf(seen, Date.now());
      if (seen === undefined || stored === undefined) return 'not-found';
      const { record } = stored;
      if (!isEnded(record.state) || record.endedAt === undefined) return 'already-scheduled';
      if (record.endedAt > until) return 'already-scheduled';
      // The time of its end is read otherwise than it is written: a damaged one.
      if (record.endedAt === last && (await connections.repair([id])).length === 0) return 'not-found';
      const memo = memoForRetry(seen.job, record, Date.now());
      const revived = await connections.ended.revive(id, { endedAt: record.endedAt, memo: memoText(memo) });
      if (revived === 'revived') return 'retried';
      if (revived === 'gone') return 'not-found';
      if (revived === 'taken' && !(await jobs.freeKeyOf(record))) return 'already-scheduled';
      last = revived === 'changed' ? record.endedAt : undefined;
    }
  }
}

function isWanted(record: ExecutionRecord, filter: EndedFilter, jobs: JobStore): boolean {
  // Without a retention, it is stored for its handles only.
  return matches(record, filter) && jobs.retention.of(record.name, record.state as EndState) > 0;
}
