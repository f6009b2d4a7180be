import {
  readLivePosition,
  summaryOf,
  writeLivePosition,
  type LiveFilter,
  type LiveLook,
  type LivePage,
  type LivePosition,
} from '../live.js';
import { matchesRecord } from '../record-filter.js';
import type { MemoryExecution } from './memory-execution.js';

/** Places in a list, in its order. */
const RUNNING = 0;
const WAITING = 1;
const LATER = 2;

interface Placed {
  readonly position: LivePosition;
  readonly execution: MemoryExecution;
}

/**
 * Lists executions of a memory broker that have not ended. A walk over all of them finds the first ones behind the cursor: no
 * structure has them in the order of a list.
 */
export function listLive(executions: Iterable<MemoryExecution>, filter: LiveFilter, look: LiveLook): LivePage {
  const { limit, cursor } = look;
  const behind = cursor === undefined ? undefined : readLivePosition(cursor);
  const most = limit + 1;
  let first: Placed[] = [];
  let last: LivePosition | undefined;
  for (const execution of executions) {
    if (!matchesRecord(execution, filter)) continue;
    const position = positionOf(execution);
    if (behind !== undefined && compare(position, behind) <= 0) continue;
    if (last !== undefined && compare(position, last) > 0) continue;
    first.push({ position, execution });
    if (first.length < 4 * most) continue;
    first = firstOf(first, most);
    last = first.at(-1)?.position;
  }
  const shown = firstOf(first, most);
  const records = shown.slice(0, limit).map(({ execution }) => summaryOf(execution.toRecord()));
  const end = shown.length > limit ? shown[limit - 1] : undefined;
  return { records, ...(end !== undefined && { cursor: writeLivePosition(end.position) }) };
}

function positionOf({ state, id, priority, place, when, startedAt }: MemoryExecution): LivePosition {
  switch (state) {
    case 'running':
      return { place: RUNNING, order: startedAt ?? 0, tie: 0, id };
    case 'queued':
      return { place: WAITING, order: priority, tie: place, id };
    case 'parked':
      return { place: LATER, order: Number.MAX_SAFE_INTEGER, tie: 0, id };
    default:
      return { place: LATER, order: when, tie: place, id };
  }
}

function firstOf(placed: readonly Placed[], most: number): Placed[] {
  return placed.toSorted((a, b) => compare(a.position, b.position)).slice(0, most);
}

function compare(a: LivePosition, b: LivePosition): number {
  if (a.place !== b.place) return a.place - b.place;
  if (a.order !== b.order) return a.order - b.order;
  if (a.tie !== b.tie) return a.tie - b.tie;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
