import type { Redis } from 'ioredis';
import { TaskDepths, type TaskDepth } from '../../queue-depth.js';
import { PARKED_UNTIL } from '../backlog.js';
import { COUNT } from './lua.generated.js';

/** Most jobs that one script looks at, and the time after which it leaves the rest to the next, in microseconds. */
const PAGE = { jobs: 1_000, time: 4_000 };

/** Fields of a task in the answer: its name, five counts and a time. */
const WIDTH = 7;

type Count = (
  jobs: string,
  ...args: number[]
) => Promise<[place: number, position: number, ...rows: (string | number)[]]>;

/** Counts executions that have not ended by task, in scripts that hold the server for a few milliseconds each. */
export class RedisDepths {
  private readonly count: Count;

  constructor(
    client: Redis,
    /** Prefix of BullMQ's keys. */
    private readonly base: string,
  ) {
    client.defineCommand('tasksCount', { numberOfKeys: 1, lua: COUNT });
    this.count = Reflect.get(client, 'tasksCount').bind(client) as Count; // ioredis adds it to the instance
  }

  async read(): Promise<TaskDepth[]> {
    const depths = new TaskDepths();
    const now = Date.now();
    let [place, position] = [1, 0];
    while (place > 0) {
      const [nextPlace, nextPosition, ...rows] = await this.count(
        this.base,
        place,
        position,
        PAGE.jobs,
        PAGE.time,
        now,
        PARKED_UNTIL,
      );
      for (let at = 0; at + WIDTH <= rows.length; at += WIDTH) addRow(depths, rows.slice(at, at + WIDTH));
      [place, position] = [nextPlace, nextPosition];
    }
    return depths.list();
  }
}

function addRow(depths: TaskDepths, [name = '', ...numbers]: readonly (string | number)[]): void {
  const [scheduled = 0, waiting = 0, parked = 0, running = 0, retrying = 0, oldest = -1] = numbers.map(Number);
  depths.add(String(name), 'scheduled', scheduled);
  depths.add(String(name), 'parked', parked);
  depths.add(String(name), 'running', running);
  depths.add(String(name), 'retrying', retrying);
  if (waiting > 0) depths.addWaiting(String(name), oldest, waiting);
}
