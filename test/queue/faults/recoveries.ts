/** How long it took until what a fault had stopped went on, in milliseconds. */
export class Recoveries {
  private readonly times: number[] = [];

  /** Returns it, too. */
  note(since: number, until: number): number {
    this.times.push(until - since);
    return until - since;
  }

  toString(): string {
    const sorted = this.times.toSorted((a, b) => a - b);
    const [median, max] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    return `${sorted.length} recoveries, median ${median} ms, longest ${max} ms`;
  }
}
