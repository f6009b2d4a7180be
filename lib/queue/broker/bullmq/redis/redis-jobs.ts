import type { JobJson } from 'bullmq';
import type { Redis } from 'ioredis';
import { LONGEST_LOOK } from './longest-look.js';
import { SEE, SUMMARIZE } from './lua.generated.js';
import { dataWith } from '../job-codec.js';
import { mendMemo } from '../job-memo.js';
import type { SeenJob } from '../seen-job.js';

/** Fields of a BullMQ job that tell what has become of it. */
const FIELDS = [
  'name',
  'opts',
  'progress',
  'priority',
  'timestamp',
  'ats',
  'atm',
  'stc',
  'processedOn',
  'finishedOn',
  'failedReason',
  'returnvalue',
  'pb',
] as const;
/** Further fields: the arguments, which may be large, and the key. */
const CONTENT = ['data', 'deid'] as const;

const ALL = [...FIELDS, ...CONTENT] as const;

type Field = (typeof FIELDS)[number] | (typeof CONTENT)[number];

/** Fields of a job in a list, as `_summary.lua` returns them; then the part of the data that has a long key. */
const SUMMARY: readonly Field[] = [
  ...FIELDS.filter((field) => field !== 'failedReason' && field !== 'returnvalue'),
  'deid',
  'failedReason',
];

/** Most jobs, and about so many bytes of theirs, that one script reads. */
const PAGE = { jobs: 200, bytes: 1_000_000 };

type Summarize = (base: string, ...args: (string | number)[]) => Promise<([string, JobFields] | null)[]>;

/** Texts of the fields of a job; `null` where there is none. */
export type JobFields = readonly (string | null)[];

type See = (base: string, ...args: (string | number)[]) => Promise<([string, (string | null)[]] | null)[]>;

/** Reads BullMQ's jobs, as BullMQ itself would, whatever lies in their fields. */
export class RedisJobs {
  private readonly see: See;
  private readonly summarize: Summarize;

  constructor(
    client: Redis,
    /** Prefix of BullMQ's keys. */
    private readonly base: string,
  ) {
    client.defineCommand('tasksSeeJobs', { numberOfKeys: 1, lua: SEE });
    client.defineCommand('tasksSummarizeJobs', { numberOfKeys: 1, lua: SUMMARIZE });
    this.summarize = Reflect.get(client, 'tasksSummarizeJobs').bind(client) as Summarize;
    this.see = Reflect.get(client, 'tasksSeeJobs').bind(client) as See; // ioredis adds it to the instance
  }

  /** Reads a job without its data and its key. */
  async look(id: string): Promise<SeenJob | undefined> {
    return (await this.readPage([id], FIELDS, LONGEST_LOOK))[0];
  }

  async read(id: string): Promise<SeenJob | undefined> {
    return (await this.readPage([id], ALL, LONGEST_LOOK))[0];
  }

  /** Reads those jobs that exist, without their data and keys. */
  lookAtAll(ids: readonly string[]): Promise<SeenJob[]> {
    return this.readPages(ids, FIELDS);
  }

  /** Reads those jobs that exist, with their keys, and without their data and results. */
  async summarizeAll(ids: readonly string[]): Promise<SeenJob[]> {
    const found: SeenJob[] = [];
    for (let from = 0; from < ids.length;) {
      const part = ids.slice(from, from + PAGE.jobs);
      const page = await this.summarize(this.base, PAGE.bytes, ...part);
      for (const [at, one] of page.entries()) {
        if (one !== null) found.push(summarizedOf(part[at] as string, ...one));
      }
      from += page.length;
    }
    return found;
  }

  /** Reads those jobs that exist. Their places are known already. */
  readAll(ids: readonly string[]): Promise<SeenJob[]> {
    return this.readPages(ids, ALL);
  }

  /** Reads page after page, so that other calls get in between. */
  private async readPages(ids: readonly string[], fields: readonly Field[]): Promise<SeenJob[]> {
    const found: SeenJob[] = [];
    for (let from = 0; from < ids.length;) {
      const page = await this.readPage(ids.slice(from, from + PAGE.jobs), fields, 0);
      for (const seen of page) if (seen !== undefined) found.push(seen);
      from += page.length;
    }
    return found;
  }

  private async readPage(
    ids: readonly string[],
    fields: readonly Field[],
    longest: number,
  ): Promise<(SeenJob | undefined)[]> {
    const seen = await this.see(this.base, longest, PAGE.bytes, ids.length, ...ids, ...fields);
    return seen.map((one, at) => {
      if (one === null) return undefined;
      const [state, values] = one;
      return { job: jobOf(ids[at] as string, (field) => values[fields.indexOf(field)] ?? undefined), state };
    });
  }
}

/** Returns a job of which a script has returned the fields for a list. */
export function summarizedOf(id: string, state: string, values: JobFields): SeenJob {
  const job = jobOf(id, (field) => values[SUMMARY.indexOf(field)] ?? undefined);
  const data = dataWith(values[SUMMARY.length]);
  return { job: { ...job, data, failedReason: mendMemo(job.failedReason) }, state };
}

function jobOf(id: string, text: (field: Field) => string | undefined): JobJson {
  const number = (field: Field): number => parseInt(text(field) ?? '0');
  const [finishedOn, processedOn] = [text('finishedOn'), text('processedOn')];
  const [processedBy, deduplicationId] = [text('pb'), text('deid')];
  return {
    id,
    name: text('name') ?? '',
    data: text('data') ?? '',
    opts: (parse(text('opts')) ?? {}) as JobJson['opts'],
    progress: (parse(text('progress')) ?? 0) as JobJson['progress'],
    priority: number('priority'),
    timestamp: number('timestamp'),
    attemptsStarted: number('ats'),
    attemptsMade: number('atm'),
    stalledCounter: number('stc'),
    returnvalue: text('returnvalue') ?? '',
    failedReason: text('failedReason') ?? '',
    ...(processedOn !== undefined && { processedOn: parseInt(processedOn) }),
    ...(finishedOn !== undefined && { finishedOn: parseInt(finishedOn) }),
    ...(processedBy !== undefined && { processedBy }),
    ...(deduplicationId !== undefined && { deduplicationId }),
  };
}

/** Parses a text. An unreadable one counts as missing. */
function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
