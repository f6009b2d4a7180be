import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './until.js';

interface Run {
  readonly label: string;
  readonly start: number;
  end: number;
}

/** In milliseconds, of one character of a picture. */
const SCALE = 10;

/** What has run, and when: what the tasks of a scene do instead of work. */
export class Timeline {
  readonly runs: Run[] = [];

  /** Takes its time, and takes note of it. */
  async run(label: string, ms = 0): Promise<void> {
    const run: Run = { label, start: performance.now(), end: Infinity };
    this.runs.push(run);
    await sleep(ms);
    run.end = performance.now();
  }

  /** Resolves when so many have started. */
  reaches(count: number): Promise<void> {
    return until(`${count} runs`, () => this.runs.length >= count);
  }

  /** In the order of their starts. */
  get labels(): string[] {
    return this.runs.map(({ label }) => label);
  }

  /** In milliseconds, from each start to the next. */
  get intervals(): number[] {
    return this.runs.slice(1).map(({ start }, at) => Math.round(start - (this.runs[at]?.start ?? start)));
  }

  /** In milliseconds, from the first start. */
  get starts(): number[] {
    return this.runs.map(({ start }) => Math.round(start - (this.runs[0]?.start ?? start)));
  }

  /** The most that ran at the same time, of those whose label contains `text`. */
  atOnce(text = ''): number {
    const runs = this.runs.filter(({ label }) => label.includes(text));
    // It is reached when one of them starts.
    return Math.max(0, ...runs.map(({ start }) => runs.filter((run) => run.start <= start && run.end > start).length));
  }

  /** A line for each run. */
  picture(): string[] {
    const first = this.runs[0]?.start ?? 0;
    const width = Math.max(...this.labels.map(({ length }) => length));
    return this.runs.map(({ label, start, end }) => {
      const before = Math.round((start - first) / SCALE);
      const length = Math.max(1, Math.round((end - start) / SCALE));
      return `${label.padEnd(width)} ${' '.repeat(before)}${'█'.repeat(Math.min(length, 60))}`;
    });
  }
}
