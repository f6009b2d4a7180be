import type { Redis } from 'ioredis';
import { readLivePosition, writeLivePosition, type LiveFilter, type LiveLook } from '../../live.js';
import { PAGE_LOOKS, type LivePart } from '../backlog.js';
import { encodePrefix } from '../encoded-key.js';
import { needleOf } from '../ended-index.js';
import { placesOf, type LivePlaces } from '../live-places.js';
import type { SeenJob } from '../seen-job.js';
import { PAGE } from './lua.generated.js';
import { summarizedOf, type JobFields } from './redis-jobs.js';

/** Most jobs that one script looks at, the time after which it leaves the rest to the next, in microseconds, and most bytes. */
const SCRIPT = { looks: 1_000, time: 4_000, bytes: 1_000_000 };

/** Scores of delayed jobs are their times with twelve bits for their order. */
const SCORE = 4_096;

type Answer = [place: number, order: string, id: string, looked: number, found: [string, string, JobFields][]];
type Page = (base: string, ...args: (string | number)[]) => Promise<Answer>;

/** Lists jobs that have not ended, in scripts that hold the server for a few milliseconds each. */
export class RedisPages {
  private readonly page: Page;

  constructor(
    client: Redis,
    /** Prefix of BullMQ's keys. */
    private readonly base: string,
  ) {
    client.defineCommand('tasksPage', { numberOfKeys: 1, lua: PAGE });
    this.page = Reflect.get(client, 'tasksPage').bind(client) as Page; // ioredis adds it to the instance
  }

  async read(filter: LiveFilter, { limit, cursor }: LiveLook, now: number): Promise<LivePart> {
    const places = placesOf(filter, now);
    const conditions = conditionsOf(filter);
    const from = cursor === undefined ? undefined : readLivePosition(cursor);
    let [place, order, id] = [from?.place ?? 1, String(from?.order ?? ''), from?.id ?? ''];
    const jobs: SeenJob[] = [];
    for (let left = PAGE_LOOKS; ;) {
      const [nextPlace, nextOrder, nextId, looked, found] = await this.page(
        this.base,
        limit - jobs.length,
        Math.min(left, SCRIPT.looks),
        SCRIPT.time,
        SCRIPT.bytes,
        place,
        order,
        id,
        ...wordsOf(places),
        ...conditions,
      );
      for (const one of found) jobs.push(summarizedOf(...one));
      if (nextPlace === 0) return { jobs };
      [place, order, id] = [nextPlace, nextOrder, nextId];
      left -= looked;
      if (jobs.length < limit && left > 0) continue;
      return { jobs, cursor: writeLivePosition({ place, order: Number(order), tie: 0, id }) };
    }
  }
}

function wordsOf({ active, waiting, delayed }: LivePlaces): (string | number)[] {
  const places = [
    ...(active ? ['active'] : []),
    ...(waiting ? ['wait', 'paused', 'prioritized'] : []),
    ...(delayed === undefined ? [] : ['delayed']),
  ];
  const { from, to } = delayed ?? { from: 0, to: 0 };
  return [`,${places.join(',')},`, Math.floor(from) * SCORE, (Math.floor(to) + 1) * SCORE - 1];
}

function conditionsOf({ states, task, keyPrefix, error, worker }: LiveFilter): string[] {
  const ofDelayed = states?.filter((state) => state !== 'running');
  const [kind] = ofDelayed?.length === 1 ? ofDelayed : [];
  return [
    task ?? '',
    keyPrefix === undefined ? '' : encodePrefix(keyPrefix),
    error === undefined ? '' : needleOf(error),
    worker ?? '',
    kind === 'scheduled' || kind === 'retrying' ? kind : '',
  ];
}
