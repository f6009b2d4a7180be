// A process of one version, and the calls that it answers.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const APPLICATION = join(import.meta.dirname, 'application.js');
/** Longest time for an answer, in milliseconds. */
const PATIENCE = 30_000;

export class VersionProcess {
  #child;
  #calls = new Map();
  #number = 0;

  /** @param settings `{ library, url, prefix, isWorker }`. */
  static async start(label, settings) {
    const started = new VersionProcess(label, settings);
    const [first] = await Promise.race([once(started.#child, 'message'), once(started.#child, 'exit')]);
    if (first !== 'ready') throw new Error(`the process of ${label} did not start`);
    started.#child.on('message', (answer) => started.#hear(answer));
    started.offered = new Set(await started.call('offers'));
    return started;
  }

  constructor(label, settings) {
    this.label = label;
    this.#child = fork(APPLICATION, [JSON.stringify(settings)], { serialization: 'advanced' });
    this.exited = once(this.#child, 'exit');
  }

  /** Tells whether this version has a method of the queue. */
  offers(...methods) {
    return methods.every((method) => this.offered.has(method));
  }

  async call(call, ...args) {
    const number = (this.#number += 1);
    const answer = deferred();
    this.#calls.set(number, answer);
    const timer = setTimeout(() => answer.reject(new Error(`no answer to ${call}() from ${this.label}`)), PATIENCE);
    this.#child.send({ number, call, args });
    return answer.promise.finally(() => clearTimeout(timer));
  }

  async close() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await this.call('close').catch(() => this.kill());
    await this.exited;
  }

  async kill() {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  #hear({ number, value, error }) {
    const answer = this.#calls.get(number);
    this.#calls.delete(number);
    if (error === undefined) answer?.resolve(value);
    else answer?.reject(new Error(`${this.label}: ${error}`));
  }
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
