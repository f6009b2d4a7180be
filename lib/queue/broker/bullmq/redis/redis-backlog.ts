import type { Redis } from 'ioredis';
import type { ResolvedQueueOptions } from '../../queue-settings.js';
import type { LiveFilter, LiveLook } from '../../live.js';
import type { TaskDepth } from '../../queue-depth.js';
import {
  CANCEL_TTL,
  PARKED_UNTIL,
  type Backlog,
  type BacklogListing,
  type ClearedPart,
  type EndedJobs,
  type JobName,
  type LivePart,
  type Signalled,
} from '../backlog.js';
import { CANCEL, CLEAR, LIST, SIGNAL } from './lua.generated.js';
import { RedisDepths } from './redis-depths.js';
import { RedisPages } from './redis-pages.js';
import type { RedisJobs } from './redis-jobs.js';

/** Most jobs that one script ends, and the time after which it leaves the rest to the next, in microseconds. */
const PART = { jobs: 500, time: 15_000 };

const SCRIPTS = { tasksList: LIST, tasksSignal: SIGNAL, tasksCancel: CANCEL, tasksClear: CLEAR };

type Script = (jobs: string, ours: string, ...args: (string | number)[]) => Promise<unknown>;

/** Backlog in BullMQ's lists and sets. */
export class RedisBacklog implements Backlog {
  /** Prefix of our keys. */
  private readonly ours: string;
  private readonly depthsOfTasks: RedisDepths;
  private readonly pages: RedisPages;
  private readonly scripts: Record<keyof typeof SCRIPTS, Script>;

  constructor(
    client: Redis,
    private readonly options: ResolvedQueueOptions,
    private readonly jobs: RedisJobs,
    /** Prefix of BullMQ's keys. */
    private readonly base: string,
  ) {
    this.depthsOfTasks = new RedisDepths(client, base);
    this.pages = new RedisPages(client, base);
    this.ours = `${options.prefix}:${options.name}/`;
    for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 2, lua });
    this.scripts = client as never; // ioredis adds them to the instance
  }

  async size(): Promise<number> {
    const [[running = 0, waiting = 0, delayed = 0]] = await this.look(0, 0);
    return running + waiting + delayed;
  }

  async list(limit: number, looks: number): Promise<BacklogListing> {
    const [[running = 0, waiting = 0, delayed = 0, due = 0, parked = 0], ids, undecided] = await this.look(
      limit,
      looks,
    );
    const jobs = await this.jobs.readAll(ids);
    const known = new Map(jobs.map((seen) => [seen.job.id, seen]));
    const unknown = await this.jobs.lookAtAll(undecided.filter((id) => !known.has(id)));
    for (const seen of unknown) known.set(seen.job.id, seen);
    return { running, waiting, delayed, due, parked, jobs, undecided: undecided.flatMap((id) => known.get(id) ?? []) };
  }

  page(filter: LiveFilter, look: LiveLook, now: number): Promise<LivePart> {
    return this.pages.read(filter, look, now);
  }

  depths(): Promise<TaskDepth[]> {
    return this.depthsOfTasks.read();
  }

  async signal({ key = '', id = '' }: JobName, reason: string): Promise<Signalled> {
    const answer = (await this.call('tasksSignal', key, id, reason, CANCEL_TTL)) as [string, string, string, number];
    const [found, place, name, replaced] = answer;
    const job = found === '' ? undefined : { id: found, name, isRunning: place === 'active' };
    return { isReplaced: replaced === 1, ...(job !== undefined && { job }) };
  }

  async cancel(id: string, reason: string): Promise<EndedJobs> {
    const [ids, candidates] = (await this.end('tasksCancel', reason, id)) as [string[], string[]];
    return { ids, candidates };
  }

  async clear(reason: string): Promise<ClearedPart> {
    const answer = await this.end('tasksClear', reason, PART.jobs, PART.time);
    const [ids, candidates, left] = answer as [string[], string[], number];
    return { ids, candidates, isLast: left === 0 };
  }

  /** Does nothing: BullMQ's script for additions does nothing where the job exists, also when it has ended. */
  freeKeys(): Promise<void> {
    return Promise.resolve();
  }

  private look(limit: number, looks: number): Promise<[number[], string[], string[]]> {
    return this.call('tasksList', limit, looks, Date.now(), PARKED_UNTIL) as Promise<[number[], string[], string[]]>;
  }

  private end(script: 'tasksCancel' | 'tasksClear', reason: string, ...args: (string | number)[]): Promise<unknown> {
    return this.call(script, Date.now(), JSON.stringify(reason), this.options.retention.tableOf('cancelled'), ...args);
  }

  private call(script: keyof typeof SCRIPTS, ...args: (string | number)[]): Promise<unknown> {
    return this.scripts[script](this.base, this.ours, ...args);
  }
}
