/** Nothing here takes so long unless something is lost, in milliseconds. */
const PATIENCE = 60_000;

/** What has started, and when. */
export class Runs {
  starts = [];
  #cpuBefore;
  #cpu;
  #resolve;

  constructor(expected, runUp = 0) {
    this.expected = expected;
    this.runUp = runUp;
    this.done = new Promise((resolve, reject) => {
      const late = () => reject(new Error(`Only ${this.starts.length} of ${expected} tasks have started`));
      const timer = setTimeout(late, PATIENCE);
      this.#resolve = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  note(id) {
    if (this.starts.length === this.runUp) this.#cpuBefore = process.cpuUsage();
    this.starts.push({ id, time: performance.now() });
    if (this.starts.length !== this.expected) return;
    this.#cpu = process.cpuUsage(this.#cpuBefore);
    this.#resolve();
  }

  /** After the run-up: starts a second, and µs of this process's CPU for each. */
  speed() {
    const count = this.expected - 1 - this.runUp;
    const time = this.starts.at(-1).time - this.starts[this.runUp].time;
    return { rate: (count * 1_000) / time, cpu: (this.#cpu.user + this.#cpu.system) / count };
  }
}
