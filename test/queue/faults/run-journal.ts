import { appendFileSync, closeSync, openSync, readSync, writeFileSync } from 'node:fs';

/** One line of the journal. Times are in milliseconds since the epoch. */
interface Entry {
  readonly what: 'start' | 'end' | 'aborted' | 'death';
  readonly key: string;
  readonly attempt: number;
  readonly pid: number;
  readonly run: string;
  readonly time: number;
  readonly reason?: string;
}

/** One call of a task's function, as it was seen from inside. */
export interface Run {
  readonly key: string;
  readonly attempt: number;
  readonly pid: number;
  readonly startedAt: number;
  /** When its function had ended, however it did. */
  endedAt?: number;
  /** The names of its signal's reason, and of what that gives for a reason. */
  aborted?: string;
}

const CHUNK = 1 << 16;

let runs = 0;

/**
 * What has run, in a file that all processes append to: a line is written by one call, so none is torn and none is lost
 * with its process.
 */
export class RunJournal {
  private readonly byRun = new Map<string, Run>();
  /** When processes have killed themselves. */
  private readonly deaths = new Map<number, number>();
  private position = 0;
  private rest = '';

  constructor(readonly file: string) {
    writeFileSync(file, '', { flag: 'a' });
  }

  /** Returns what writes how the run has ended. */
  begin(key: string, attempt: number): (reason?: string) => void {
    const run = `${process.pid}-${(runs += 1)}`;
    this.write({ what: 'start', key, attempt, run });
    return (reason) => {
      this.write({ what: reason === undefined ? 'end' : 'aborted', key, attempt, run, ...(reason && { reason }) });
    };
  }

  /** To be written by a process that is about to die. */
  beginDeath(): void {
    this.write({ what: 'death', key: '', attempt: 0, run: '' });
  }

  /** All runs, or those of a key, in the order of their starts. */
  runs(key?: string): Run[] {
    this.read();
    const all = [...this.byRun.values()];
    return key === undefined ? all : all.filter((run) => run.key === key);
  }

  completed(key: string): Run[] {
    return this.runs(key).filter(({ endedAt, aborted }) => endedAt !== undefined && aborted === undefined);
  }

  deathOf(pid: number): number | undefined {
    this.read();
    return this.deaths.get(pid);
  }

  /** Pairs of runs of one key of which the second began before the first had ended, or its process had died. */
  overlaps(deaths: ReadonlyMap<number, number> = this.deaths): [Run, Run][] {
    const last = new Map<string, Run>();
    const found: [Run, Run][] = [];
    for (const run of this.runs()) {
      const before = last.get(run.key);
      const end = before && (before.endedAt ?? deaths.get(before.pid) ?? Infinity);
      if (before !== undefined && end !== undefined && run.startedAt < end) found.push([before, run]);
      last.set(run.key, run);
    }
    return found;
  }

  private write(entry: Omit<Entry, 'pid' | 'time'>): void {
    appendFileSync(this.file, `${JSON.stringify({ ...entry, pid: process.pid, time: Date.now() })}\n`);
  }

  private read(): void {
    const lines = (this.rest + this.readText()).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.take(JSON.parse(line) as Entry);
  }

  private readText(): string {
    const file = openSync(this.file, 'r');
    const buffer = Buffer.alloc(CHUNK);
    let text = '';
    for (let size = -1; size !== 0; this.position += size) {
      size = readSync(file, buffer, 0, CHUNK, this.position);
      text += buffer.toString('latin1', 0, size);
    }
    closeSync(file);
    return text;
  }

  private take({ what, key, attempt, pid, run: id, time, reason }: Entry): void {
    if (what === 'death') this.deaths.set(pid, time);
    else if (what === 'start') this.byRun.set(id, { key, attempt, pid, startedAt: time });
    else Object.assign(this.byRun.get(id) ?? {}, { endedAt: time, ...(reason !== undefined && { aborted: reason }) });
  }
}
