// Calls of the queue that are written down: what was asked, what was answered, or how it was refused.
import { describeError } from './application.js';
import { now } from './journal.js';

export class Client {
  calls = 0;

  constructor(queue, journal) {
    this.queue = queue;
    this.journal = journal;
  }

  /** Returns the execution; nothing when the call was refused. */
  add(method, id, args, { key, when, ...fields }) {
    const call = () => this.queue.add(method, { key, when })(id, ...args);
    return this.addition('add', call, { id, key, when, ...fields });
  }

  replace(method, id, args, { key, when, ...fields }) {
    const call = () => this.queue.replace(method, { key, when })(id, ...args);
    return this.addition('replace', call, { id, key, when, ...fields });
  }

  after(parts, method, id, args, { key, ...fields }) {
    const call = () => this.queue.after(parts).add(method, { key })(id, ...args);
    return this.addition('after', call, { id, key, parts: parts.map((part) => part.key), ...fields });
  }

  cancel(key) {
    return this.write('cancel', () => this.queue.cancel(key), { key });
  }

  strike(method, group, mode) {
    return this.write(
      'strike',
      () => this.queue.strike(method, 'group', '==', group, { mode }),
      { group, mode },
      () => ({
        answer: 'struck',
      }),
    );
  }

  /** Again until it is known to have been done. */
  async restore(method, group) {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const answer = await this.write('restore', () => this.queue.restore(method, 'group', '==', group), { group });
      if (answer !== undefined) return;
    }
  }

  addition(act, call, fields) {
    return this.write(act, call, fields, ({ disposition, key }) => ({ answer: disposition, key }));
  }

  async write(act, call, fields, answerOf = (answer) => ({ answer })) {
    const which = { act, call: (this.calls += 1) };
    const since = now();
    this.journal.write('ask', { ...which, ...fields });
    try {
      const value = await call();
      this.journal.write('answer', { ...which, ...answerOf(value) });
      return value;
    } catch (error) {
      this.journal.write('refused', { ...which, error: describeError(error), took: Math.round(now() - since) });
      return undefined;
    }
  }
}
