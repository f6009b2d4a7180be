import { Inject, Injectable } from '@nestjs/common';
import { BROKER, type Broker } from '../broker/broker.js';
import type { EndedFilter } from '../broker/ended.js';
import { readLivePosition, type LiveFilter } from '../broker/live.js';
import { TaskArgumentError } from '../broker/queue-errors.js';
import { isEnded, type EndState, type ExecutionRecord, type ExecutionState, type LiveState } from '../broker/record.js';
import { isEndedCursor } from './ended-query.js';

/**
 * Condition on executions, live and ended: all that is set must hold. Conditions that only ended executions have leave out
 * the others.
 */
export interface ListingFilter extends Omit<EndedFilter, 'states'> {
  readonly states?: readonly ExecutionState[] | undefined;
}

export interface ListingLook {
  readonly limit: number;
  /** `cursor` of the page before this one. */
  readonly cursor?: string | undefined;
}

export interface ListingPage {
  /** Records without arguments and results. */
  readonly records: readonly ExecutionRecord[];
  /** Beginning of the next page; absent at the end. A page may be short, or empty, with more to come. */
  readonly cursor?: string;
}

/** Execution by its key; with an id, the one that has it, though its key was used again. */
export interface ExecutionTarget {
  readonly key: string;
  readonly id?: string | undefined;
}

/** Part of a list, and the position in it as the broker has told it. */
interface Place {
  readonly part: 'live' | 'ended';
  readonly cursor?: string;
}

/** Executions that one look counts. */
const COUNTED = 1_000;

/** Lists executions for people: those that live, then those that have ended. Arguments are not read. */
@Injectable()
export class ExecutionListing {
  constructor(@Inject(BROKER) private readonly broker: Broker) {}

  /** @throws {TaskArgumentError} when the cursor is none of an earlier page. */
  async page(filter: ListingFilter, { limit, cursor }: ListingLook): Promise<ListingPage> {
    const from = cursor === undefined ? undefined : placeOf(cursor);
    const [live, ended] = [liveFilterOf(filter), endedFilterOf(filter)];
    const records: ExecutionRecord[] = [];
    if (live !== undefined && from?.part !== 'ended') {
      const page = await this.broker.executions.page(live, { limit, cursor: from?.cursor });
      if (page.cursor !== undefined)
        return { records: page.records, cursor: textOf({ part: 'live', cursor: page.cursor }) };
      records.push(...page.records);
    }
    if (ended === undefined) return { records };
    if (records.length === limit) return { records, cursor: textOf({ part: 'ended' }) };
    const look = { limit: limit - records.length, isBrief: true };
    const page = await this.broker.ended.page(ended, {
      ...look,
      ...(from?.part === 'ended' && { cursor: from.cursor }),
    });
    const known = new Set(records.map(({ id }) => id)); // which may have ended between the looks
    records.push(...page.records.filter(({ id }) => !known.has(id)));
    return { records, ...(page.cursor !== undefined && { cursor: textOf({ part: 'ended', cursor: page.cursor }) }) };
  }

  /** Counts ended executions, page by page: the cost grows with what matches. */
  async count(filter: ListingFilter): Promise<number> {
    const ended = endedFilterOf(filter);
    let count = 0;
    let cursor: string | undefined;
    if (ended === undefined) return count;
    do {
      const page = await this.broker.ended.page(ended, { limit: COUNTED, cursor, isBrief: true });
      count += page.records.length;
      ({ cursor } = page);
    } while (cursor !== undefined);
    return count;
  }

  /** Finds one execution, with its arguments. */
  async find({ key, id }: ExecutionTarget): Promise<ExecutionRecord | undefined> {
    if (id === undefined) return this.broker.executions.get(key);
    const record = await this.broker.executions.read(id, key);
    return record?.key === key ? record : undefined;
  }
}

/** @returns nothing where no live execution can match. */
function liveFilterOf({ states, kind, since, until, ...rest }: ListingFilter): LiveFilter | undefined {
  if (kind !== undefined || since !== undefined || until !== undefined) return undefined;
  if (states === undefined) return rest;
  const live = states.filter((state): state is LiveState => !isEnded(state));
  return live.length === 0 ? undefined : { ...rest, states: live };
}

/** @returns nothing where no ended execution can match. */
function endedFilterOf({ states, ...rest }: ListingFilter): EndedFilter | undefined {
  if (states === undefined) return rest;
  const ended = states.filter((state): state is EndState => isEnded(state));
  return ended.length === 0 ? undefined : { ...rest, states: ended };
}

function textOf({ part, cursor = '' }: Place): string {
  return Buffer.from(`${part} ${cursor}`).toString('base64url');
}

function placeOf(text: string): Place {
  const decoded = typeof text === 'string' ? Buffer.from(text, 'base64url').toString() : '';
  const [part = ''] = decoded.split(' ', 1);
  const cursor = decoded.slice(part.length + 1);
  if (decoded === 'ended ') return { part: 'ended' };
  if (part === 'live' && readLivePosition(cursor) !== undefined) return { part, cursor };
  if (part === 'ended' && isEndedCursor(cursor)) return { part, cursor };
  throw new TaskArgumentError('page()', 'cursor', text, 'the cursor of an earlier page');
}
