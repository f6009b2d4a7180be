// Orders and their tasks, as the server's events tell them. The same event twice changes nothing, so that a
// page which connects again may hear everything again.

const STATES = {
  scheduled: 'waiting',
  started: 'running',
  succeeded: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
  discarded: 'discarded',
  abandoned: 'abandoned',
};

export class Orders {
  /** By id, oldest first. */
  #orders = new Map();

  get all() {
    return [...this.#orders.values()];
  }

  find(id) {
    return this.#orders.get(id);
  }

  /** An order, or a later version of it. */
  change({ at, order }) {
    const known = this.#orders.get(order.id);
    const { id } = order;
    const entry = known ?? { id, placedAt: at, tasks: new Map() };
    entry.order = order;
    if (order.status === 'refunded') entry.refundedAt ??= at;
    this.#orders.set(id, entry);
    this.#refund(entry);
    return entry;
  }

  respond({ at, orderId }) {
    const entry = this.#orders.get(orderId);
    if (entry !== undefined) entry.respondedAt = at;
    return entry;
  }

  /** A task's step. Nothing of an order whose beginning the server no longer remembers. */
  step({ at, orderId, task: name, what, reason, error, timing, shielded }) {
    const entry = this.#orders.get(orderId);
    const state = STATES[what];
    if (entry === undefined || state === undefined) return undefined;
    const task = entry.tasks.get(name) ?? { name, timing, shielded, scheduledAt: at };
    entry.tasks.set(name, task);
    Object.assign(task, { state, reason, error });
    if (state === 'waiting') task.endedAt = undefined;
    else if (state === 'running') task.startedAt = at;
    else task.endedAt = at;
    this.#refund(entry);
    return entry;
  }

  /** The shutdown's beginning, on each order that it finds unfinished. */
  shutDown({ at }) {
    const found = this.all.filter((entry) => isLive(entry) || wasCutOff(entry, at));
    for (const entry of found) entry.shutdownAt = at;
    return found;
  }

  /** The server that ran these tasks has gone without a word. */
  lose(at) {
    const live = this.all.filter(isLive);
    for (const { tasks } of live) {
      for (const task of tasks.values())
        if (task.endedAt === undefined) Object.assign(task, { state: 'lost', endedAt: at });
    }
    return live;
  }

  /** The refund is no task of its own: it is the error handler of a payment that failed. */
  #refund({ tasks, refundedAt }) {
    const payment = tasks.get('payment');
    if (payment?.state !== 'failed') return;
    const at = payment.endedAt;
    tasks.set('refund', {
      name: 'refund',
      timing: 'onError',
      shielded: payment.shielded,
      scheduledAt: at,
      startedAt: at,
      endedAt: refundedAt,
      state: refundedAt === undefined ? 'running' : 'finished',
    });
  }
}

export const isLive = ({ tasks }) => [...tasks.values()].some(({ endedAt }) => endedAt === undefined);

const wasCutOff = ({ tasks }, at) => [...tasks.values()].some(({ endedAt }) => endedAt >= at);
