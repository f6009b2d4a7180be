import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { EndedFilter, EndedLook } from '../../ended.js';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { EndState } from '../../record.js';
import {
  needleOf,
  readPosition,
  writePosition,
  type EndedIndex,
  type EndedPart,
  type FailedJobs,
  type Revival,
  type Revived,
} from '../ended-index.js';
import { encodePrefix } from '../encoded-key.js';
import {
  CHECK_FAILURES,
  ERASE_FAILURE,
  EXPIRE,
  EXPIRE_KEPT,
  FAILURE_GROUPS,
  FORGET_ENDED,
  LOOK_AT_ENDED,
  NOTE_FAILURE,
  POINT_TO,
  REVIVE,
} from './lua.generated.js';
import type { RedisJobs } from './redis-jobs.js';

/** Most jobs that one script looks at, if its time does not end before. */
const LOOKS = 5_000;
/** Groups that one script counts. */
const GROUPS = 200;
/** Jobs that one script removes at most. */
const PART = 1_000;
/** Age of notes of failures that are compared with what has come about, in milliseconds. */
const CHECKED = { from: 10 * 60_000, to: 2 * 60_000 };

const SCRIPTS = {
  tasksLookAtEnded: LOOK_AT_ENDED,
  tasksFailureGroups: FAILURE_GROUPS,
  tasksCheckFailures: CHECK_FAILURES,
  tasksNoteFailure: NOTE_FAILURE,
  tasksEraseFailure: ERASE_FAILURE,
  tasksRevive: REVIVE,
  tasksPointTo: POINT_TO,
  tasksForgetEnded: FORGET_ENDED,
  tasksExpire: EXPIRE,
  tasksExpireKept: EXPIRE_KEPT,
};

type Script = (first: string, second: string, ...args: (string | number)[]) => Promise<unknown>;

/** Ended jobs in BullMQ's sets. Groups of failures have sets of ours. */
export class RedisEnded implements EndedIndex {
  private readonly ours: string;
  private readonly scripts: Record<keyof typeof SCRIPTS, Script>;

  constructor(
    private readonly client: Redis,
    options: ResolvedQueueOptions,
    private readonly jobs: RedisJobs,
    /** Prefix of BullMQ's keys. */
    private readonly base: string,
  ) {
    this.ours = `${options.prefix}:${options.name}/`;
    for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 2, lua });
    this.scripts = client as never; // ioredis adds them to the instance
  }

  async look(filter: EndedFilter, { limit, cursor, isBrief = false }: EndedLook): Promise<EndedPart> {
    const { states, task, keyPrefix, error, worker, since, until } = filter;
    const from = cursor === undefined ? undefined : readPosition(cursor);
    const answer = await this.call(
      'tasksLookAtEnded',
      limit,
      LOOKS,
      from?.endedAt ?? until ?? '+inf',
      from?.id ?? '',
      since ?? 0,
      states === undefined ? '' : `,${states.join(',')},`,
      task ?? '',
      keyPrefix === undefined ? '' : encodePrefix(keyPrefix),
      error === undefined ? '' : needleOf(error),
      worker ?? '',
    );
    const [ids, last, lastId, hasMore] = answer as [string[], string, string, number];
    const jobs = await (isBrief ? this.jobs.summarizeAll(ids) : this.jobs.readAll(ids));
    return { jobs, ...(hasMore === 1 && { cursor: writePosition({ endedAt: Number(last), id: lastId }) }) };
  }

  async groups(since: number): Promise<FailedJobs[]> {
    const names = await this.client.zrangebyscore(`${this.ours}failures`, since, '+inf');
    const groups: FailedJobs[] = [];
    for (let at = 0; at < names.length; at += GROUPS) {
      const page = names.slice(at, at + GROUPS);
      const answer = await this.call('tasksFailureGroups', since, ...page);
      const counted = (answer as ([number, string, string, string] | null)[]).filter((group) => group !== null);
      const examples = await this.jobs.readAll(counted.map(([, , , id]) => id));
      const byId = new Map(examples.map((seen) => [seen.job.id, seen]));
      for (const [count, first, last, id] of counted) {
        const example = byId.get(id);
        if (example !== undefined) groups.push({ count, first: Number(first), last: Number(last), example });
      }
    }
    return groups;
  }

  async revive(id: string, { endedAt, memo }: Revival): Promise<Revived> {
    return (await this.call('tasksRevive', id, endedAt, memo, Date.now())) as Revived;
  }

  async forget(id: string, until: number): Promise<boolean> {
    return (await this.call('tasksForgetEnded', id, until === Infinity ? '+inf' : until)) === 1;
  }

  async pointTo(key: string, id: string): Promise<void> {
    await this.call('tasksPointTo', key, id);
  }

  async lastOf(key: string): Promise<string | undefined> {
    const [id, [earlier]] = await Promise.all([
      this.client.hget(this.bucketOf(key), key).catch(nothingInNote),
      // As earlier versions note it. MGET finds nothing in a bucket, where GET fails.
      this.client.mget(`${this.ours}ended:${key}`),
    ]);
    return newerOf(id, earlier ?? null) ?? undefined;
  }

  async keep(id: string, until: number): Promise<void> {
    await this.client.zadd(`${this.ours}kept`, Math.ceil(until), id);
  }

  async isKept(id: string): Promise<boolean> {
    return (await this.client.zscore(`${this.ours}kept`, id)) !== null;
  }

  async expire(state: EndState, from: number, to: number): Promise<void> {
    let next: [from: string | number, skip: number] | null = [from, 0];
    while (next !== null) {
      next = (await this.call('tasksExpire', state, next[0], to, next[1], PART)) as [string, number] | null;
    }
  }

  async expireKept(): Promise<void> {
    const now = Date.now();
    while ((await this.call('tasksExpireKept', now, PART)) === 1);
    await this.call('tasksCheckFailures', now - CHECKED.from, now - CHECKED.to, PART);
  }

  async noteFailure(id: string, group: string, now: number): Promise<void> {
    await this.scripts.tasksNoteFailure(`${this.ours}failures`, this.groupKey(group), group, id, now);
  }

  async eraseFailure(id: string, group: string): Promise<void> {
    await this.call('tasksEraseFailure', group, id);
  }

  /** As `_bucket.lua` names it. */
  private bucketOf(key: string): string {
    return `${this.ours}ended:${createHash('sha1').update(key).digest('hex').slice(0, 3)}`;
  }

  private groupKey(group: string): string {
    return `${this.ours}failure:${group}`;
  }

  private call(script: keyof typeof SCRIPTS, ...args: (string | number)[]): Promise<unknown> {
    return this.scripts[script](this.base, this.ours, ...args);
  }
}

/** Returns the later one of two ids: they begin with their time. */
function newerOf(one: string | null, other: string | null): string | null {
  return (other ?? '') > (one ?? '') ? other : one;
}

/** Reads nothing in a note of an earlier version that has the name of a bucket. */
function nothingInNote(error: Error): null {
  if (error.message.startsWith('WRONGTYPE')) return null;
  throw error;
}
