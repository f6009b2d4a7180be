// Tasks that both versions declare, each with the decorators of its own library.
import { setTimeout as sleep } from 'node:timers/promises';

export function declareTasks({ ConcurrencyLimit, Durable, Logged, Perpetual }, contextOf, isRescue) {
  const runs = [];
  let isUp = false;

  class VersionTasks {
    runs = runs;

    /** Lets what has failed succeed from now on. */
    mend() {
      isUp = true;
    }

    echo(value) {
      this.note();
      return value;
    }

    failing(order) {
      this.note();
      if (!isUp) throw new Error(`no answer for order ${order}`);
      return order;
    }

    flaky() {
      this.note();
      if (contextOf().attempt < 3) throw new TypeError(`attempt ${contextOf().attempt}`);
      return contextOf().attempt;
    }

    limited(_pool) {
      return this.stay(60);
    }

    tick(number = 1) {
      this.note();
      if (number === 3) contextOf().perpetual.cancel();
      else contextOf().perpetual.perpetuate(number + 1);
      return number;
    }

    sum() {
      this.note();
      const outcomes = contextOf().outcomes.map(({ status, value, error }) =>
        status === 'succeeded' ? value : error.name,
      );
      if (!isUp) throw new Error('the sum is not wanted yet');
      return outcomes;
    }

    /** Runs until it is cancelled. */
    async held() {
      this.note();
      await sleep(60_000, undefined, { signal: contextOf().signal });
    }

    /** Ends in the process alone that takes the place of a killed one. */
    async mortal() {
      this.note();
      if (!isRescue) await sleep(60_000, undefined, { signal: contextOf().signal });
      return 'survived';
    }

    steps() {
      const { logger, progress } = contextOf();
      this.note();
      progress.total(2);
      progress.increment(2);
      logger.log('both steps');
      return 'done';
    }

    async stay(ms) {
      const run = this.note();
      await sleep(ms);
      run.end = Date.now();
    }

    note() {
      const run = { key: contextOf().key, start: Date.now() };
      runs.push(run);
      return run;
    }
  }

  const declare = (method, ...decorators) => {
    const descriptor = Object.getOwnPropertyDescriptor(VersionTasks.prototype, method);
    for (const decorate of decorators) decorate(VersionTasks.prototype, method, descriptor);
  };
  ConcurrencyLimit(1)(VersionTasks.prototype, 'limited', 0);
  Logged()(VersionTasks.prototype, 'failing', 0);
  declare('flaky', Durable('versions.flaky', { retry: { attempts: 3, delay: 30 } }));
  declare('tick', Perpetual({ every: 20 }), Durable('versions.tick'));
  for (const method of ['echo', 'failing', 'limited', 'sum', 'held', 'mortal', 'steps']) {
    declare(method, Durable(`versions.${method}`));
  }
  return VersionTasks;
}
