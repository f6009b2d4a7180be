// One run on one broker: warm-up, faults, calm, drain, quiet, and a look at what is left.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from './chance.js';
import { inflict, planFaults } from './faults.js';
import { Fleet } from './fleet.js';
import { Journal, now } from './journal.js';
import { isPermanent } from './oracle/leftovers.js';
import { openServer } from './servers.js';
import { SHUTDOWN } from './application.js';
import { AUTOMATIC_EVERY, EVERY } from './tasks.js';

const SLOTS = { worker: 3, producer: 2 };
/** All in milliseconds. */
const LEASES = [1_500, 2_000, 3_000];
const RETENTIONS = [0, 3_000, 10_000];
const PROBE = 250;
const SLOW_PROBE = 400;
/** Lines of the server's log that are kept after a deadlock. */
const DETAILS = 60;
/** How long the fleet may take to be whole again, the queue to become quiet, and what has ended to be forgotten after its retention. */
const CALM = 120_000;
const QUIET = 120_000;
const FORGETTING = 30_000;

export class Trial {
  constructor({ broker, seed, minutes, folder }) {
    Object.assign(this, { broker, seed, folder, milliseconds: minutes * 60_000 });
    const chance = new Chance(seed ^ 0x5eed);
    this.lease = chance.pick(LEASES);
    this.retention = chance.pick(RETENTIONS);
    this.details = 0;
    this.journal = new Journal(folder, 'trial');
  }

  async run() {
    const { broker, seed, folder, lease, retention, journal } = this;
    const intervals = { every: EVERY, automaticEvery: AUTOMATIC_EVERY };
    journal.write('trial', { broker, seed, lease, retention, shutdown: SHUTDOWN, ...intervals });
    this.server = await openServer(broker, join(folder, 'server'), (line) => this.hear(line));
    this.server.isBusy = false;
    this.fleet = new Fleet({ server: this.server, journal, settings: { seed, folder, lease, retention } });
    this.probing = this.probe();
    await this.fleet.start({ workers: SLOTS.worker, producers: SLOTS.producer });

    this.enter('faults');
    await this.inflictAll();
    this.enter('calm');
    await this.fleet.steady(4 * lease + 4_000, CALM);
    this.enter('drain');
    await this.fleet.stopProducers();
    await this.fleet.deployLast();
    await this.fleet.command('settle', QUIET);
    this.enter('forgetting');
    await this.forget();
    await this.fleet.stopWorkers();
    await this.fleet.stopOperator();
    this.enter('end');
  }

  async end() {
    this.hasEnded = true;
    await this.fleet?.end();
    await this.probing;
    await this.server?.stop().catch(() => {});
  }

  enter(phase) {
    this.journal.write('phase', { phase });
  }

  async inflictAll() {
    const { seed, lease, milliseconds } = this;
    const start = now();
    const active = [];
    const poison = sleep(milliseconds / 4).then(() => this.fleet.command('poison'));
    for (const fault of planFaults({ seed, milliseconds, lease, slots: SLOTS })) {
      await sleep(Math.max(0, start + fault.due - now()));
      const broken = (error) => this.journal.write('broken', { error: String(error?.stack), fault });
      active.push(inflict(fault, this.fleet).catch(broken));
    }
    await sleep(Math.max(0, start + milliseconds - now()));
    await Promise.all([poison, ...active]);
  }

  /** Looks at the server past all proxies: it may be slow for all, and a session may wait for another. */
  async probe() {
    while (!this.hasEnded) {
      const since = now();
      try {
        await this.server.look();
        for (const wait of await this.server.waits()) this.journal.write('wait', wait);
      } catch {
        // A fault of the server, which is written down where it is done.
      }
      if (now() - since > SLOW_PROBE) this.journal.write('slow', { from: since, to: now() });
      await sleep(PROBE);
    }
  }

  /** After a deadlock, the server tells the statements of both sides. */
  hear(line) {
    if (line.includes('deadlock detected')) {
      this.journal.write('deadlock', { line: line.slice(0, 200) });
      this.details = DETAILS;
    } else if (this.details > 0) {
      this.details -= 1;
      this.journal.write('server', { line: line.slice(0, 1_000) });
    }
  }

  /** Waits until nothing is kept any more but what may be kept for ever; what is left then is written down. */
  async forget() {
    await sleep(this.retention);
    const end = now() + FORGETTING;
    let items = await this.server.contents();
    while (items.some((item) => !isPermanent(item)) && now() < end) {
      await sleep(500);
      items = await this.server.contents();
    }
    this.journal.write('contents', { items: items.filter((item) => !isPermanent(item)) });
  }
}
