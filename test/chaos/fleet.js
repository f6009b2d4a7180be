// The processes of a run: workers and producers, each behind a proxy of its own, and one operator with a direct line.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { now } from './journal.js';
import { Proxy } from './proxy.js';

const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));
/** In milliseconds: after an end that nobody has asked for, and before one that was asked for is forced. */
const RESPAWN = 300;
const LAST_PATIENCE = 40_000;

export class Fleet {
  slots = [];

  /** @param settings what all processes are told; `seed`, `folder`, `lease`, `retention`. */
  constructor({ server, journal, settings }) {
    this.server = server;
    this.journal = journal;
    this.settings = settings;
  }

  async start({ workers, producers }) {
    this.operator = new Slot(this, 'operator', 0);
    await this.operator.spawn();
    await this.command('open');
    for (const [role, count] of Object.entries({ worker: workers, producer: producers })) {
      for (let index = 0; index < count; index += 1) this.slots.push(new Slot(this, role, index));
    }
    await Promise.all(this.slots.map((slot) => slot.spawn()));
  }

  of(role) {
    return this.slots.filter((slot) => slot.role === role);
  }

  /** Has the operator do something, and waits until it is done. */
  command(command, argument) {
    return this.operator.current.ask(command, argument);
  }

  /** Waits until all workers have been there for this time, from now on, without an end of one; so long at most. */
  async steady(milliseconds, limit) {
    const since = now();
    const isSteady = ({ current: { hasEnded, readyAt } }) =>
      !hasEnded && now() - Math.max(since, readyAt) >= milliseconds;
    while (now() < since + limit && !this.of('worker').every(isSteady)) await sleep(100);
  }

  /** Lets producers end what they have begun. */
  async stopProducers() {
    const slots = this.of('producer');
    for (const slot of slots) slot.isWanted = false;
    await Promise.all(
      slots.flatMap(({ current }) => {
        current.send('stop');
        return current.hasEndedBy(LAST_PATIENCE);
      }),
    );
  }

  /** Replaces all workers, one after the other, by those of the last deploy. */
  async deployLast() {
    this.settings = { ...this.settings, isLast: true };
    for (const slot of this.of('worker')) await slot.deploy();
  }

  async stopWorkers() {
    const slots = this.of('worker');
    for (const slot of slots) slot.isWanted = false;
    await Promise.all(slots.map(({ current }) => current.terminate()));
  }

  async stopOperator() {
    this.operator.isWanted = false;
    await this.operator.current.terminate();
  }

  /** Ends all that is left, also what is stopped. */
  async end() {
    const slots = [...this.slots, this.operator].filter((slot) => slot !== undefined);
    for (const slot of slots) slot.isWanted = false;
    await Promise.all(slots.map((slot) => slot.end()));
  }
}

/** The place of one process, with its proxy: processes follow each other in it. */
class Slot {
  incarnation = 0;
  isWanted = true;
  /** A fault of its process or its network goes on. */
  isBusy = false;
  processes = new Set();

  constructor(fleet, role, index) {
    this.fleet = fleet;
    this.role = role;
    this.name = role === 'operator' ? role : `${role}${index}`;
    this.index = index;
    this.proxy = role === 'operator' ? undefined : new Proxy({ host: fleet.server.host, port: fleet.server.port });
  }

  /** Starts the next process of this slot, with a clock that is so many milliseconds off, and waits until it is ready. */
  async spawn(skew = 0) {
    const { fleet, proxy, role, index } = this;
    if (proxy !== undefined && proxy.port === undefined) await proxy.open();
    this.incarnation += 1;
    const who = `${this.name}#${this.incarnation}`;
    const url = fleet.server.urlFor(proxy?.port ?? fleet.server.port);
    const seed = fleet.settings.seed + 1_000 * (index + 1) + this.incarnation;
    const process = new FleetProcess(`${role}.js`, { ...fleet.settings, who, url, seed }, skew, fleet.journal);
    this.current = process;
    this.processes.add(process);
    process.ended
      .then(() => this.take(process))
      .catch((error) => fleet.journal.write('broken', { error: String(error?.stack) }));
    await process.ready;
  }

  /** A process has ended. One that ended by itself is followed by another. */
  async take(process) {
    this.processes.delete(process);
    if (process !== this.current || process.isTold) return;
    await sleep(RESPAWN);
    if (this.isWanted && process === this.current && !process.isTold) await this.spawn();
  }

  /** By kill -9. Another follows after this time. */
  async kill(pause) {
    this.current.isTold = true;
    await this.current.kill();
    await sleep(pause);
    await this.spawn();
  }

  /** Starts the next process, then ends this one with SIGTERM. */
  async deploy(skew = 0) {
    const old = this.current;
    old.isTold = true;
    await this.spawn(skew);
    await old.terminate();
  }

  async end() {
    this.proxy?.close();
    await Promise.all([...this.processes].map((process) => process.kill()));
  }
}

class FleetProcess {
  isTold = false;
  calls = 0;
  answers = new Map();

  constructor(program, settings, skew, journal) {
    this.who = settings.who;
    this.journal = journal;
    const output = openSync(join(settings.folder, `${this.who}.out`), 'a');
    this.child = fork(fileOf(program), [JSON.stringify(settings)], {
      execArgv: ['--import', fileOf('skew.js')],
      env: { ...process.env, CHAOS_SKEW: `${skew}`, NODE_COMPILE_CACHE: join(settings.folder, 'cache') },
      stdio: ['ignore', output, output, 'ipc'],
    });
    journal.write('started', { process: this.who, skew });
    this.ended = once(this.child, 'exit').then(([code, signal]) => {
      this.hasEnded = true;
      journal.write('exit', { process: this.who, code, signal });
    });
    this.ready = Promise.race([once(this.child, 'message').then(() => (this.readyAt = now())), this.ended]);
    this.child.on('message', ({ number, error }) => this.answers.get(number)?.(error));
    this.child.on('error', () => {}); // a message to one that has just ended
  }

  async ask(command, argument) {
    const number = (this.calls += 1);
    const answered = new Promise((resolve) => this.answers.set(number, resolve));
    this.child.send({ number, command, argument });
    const error = await Promise.race([answered, this.ended.then(() => `${this.who} has ended`)]);
    if (error !== undefined) throw new Error(`${command}: ${error}`);
  }

  /** Not to one that is still on its way: it would hear of it long after. */
  send(message) {
    if (this.readyAt !== undefined && this.child.connected) this.child.send(message);
  }

  signal(signal) {
    this.child.kill(signal);
  }

  async kill() {
    if (this.hasEnded) return;
    this.journal.write('kill', { process: this.who });
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** By SIGTERM; one that does not end is killed, and that is written down. */
  async terminate() {
    if (this.hasEnded) return;
    this.journal.write('term', { process: this.who });
    this.child.kill('SIGTERM');
    await this.hasEndedBy(LAST_PATIENCE);
  }

  async hasEndedBy(patience) {
    const timer = setTimeout(() => {
      this.journal.write('stuck', { process: this.who });
      this.child.kill('SIGKILL');
    }, patience);
    await this.ended;
    clearTimeout(timer);
  }
}
