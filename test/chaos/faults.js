// What is done to the fleet and its server, and when: all drawn from the seed before the run begins.
import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from './chance.js';

/** In milliseconds: of each period, how long faults begin in it. What is left of it is calm. */
const PERIOD = { length: 20_000, faults: 13_000 };
const GAP = { least: 700, most: 2_600 };
const FIRST = 2_000;

/** How often each is drawn, against the others, and for how long it goes on, in leases. */
const KINDS = {
  kill: { weight: 4, roles: ['worker', 'worker', 'producer'], leases: [0.1, 1] },
  stop: { weight: 4, roles: ['worker', 'worker', 'worker', 'producer'], leases: [0.4, 2.5] },
  deploy: { weight: 2, roles: ['worker'], leases: [0, 0] },
  skew: { weight: 1, roles: ['worker'], leases: [0, 0] },
  block: { weight: 2, roles: ['worker'], leases: [0.4, 1.8] },
  cut: { weight: 2, roles: ['worker', 'producer'], leases: [0, 1.5] },
  silence: { weight: 2, roles: ['worker', 'producer'], leases: [0.5, 2.5] },
  slow: { weight: 2, roles: ['worker', 'producer'], leases: [1, 2.5] },
  hold: { weight: 3, roles: ['worker', 'worker', 'producer'], leases: [0.5, 2] },
  crash: { weight: 1, roles: ['server'], leases: [0.1, 1] },
  pause: { weight: 1, roles: ['server'], leases: [0.4, 1.5] },
};
const WEIGHTS = Object.fromEntries(Object.entries(KINDS).map(([kind, { weight }]) => [kind, weight]));

/** Draws the faults of a run, by time. */
export function planFaults({ seed, milliseconds, lease, slots }) {
  const chance = new Chance(seed);
  const plan = [];
  for (let due = FIRST; due < milliseconds; due += chance.between(GAP.least, GAP.most)) {
    if (due % PERIOD.length > PERIOD.faults) continue;
    const kind = chance.weighted(WEIGHTS);
    const { roles, leases } = KINDS[kind];
    const role = chance.pick(roles);
    const index = chance.between(0, (slots[role] ?? 1) - 1);
    const [low, high] = leases;
    const length = Math.round(lease * (low + (high - low) * chance.next()));
    const skew = kind === 'skew' ? chance.pick([-1, 1]) * Math.round(lease * (1 + 3 * chance.next())) : 0;
    const delay = kind === 'slow' ? chance.between(50, 400) : 0;
    plan.push({ number: plan.length + 1, due, kind, role, index, length, skew, delay });
  }
  return plan;
}

const OF_PROCESS = {
  kill: (slot, { length }) => slot.kill(length),
  deploy: (slot) => slot.deploy(),
  skew: (slot, { skew }) => slot.deploy(skew),

  async stop({ current }, { length }) {
    current.signal('SIGSTOP');
    await sleep(length);
    current.signal('SIGCONT');
  },

  async block({ current }, { length }) {
    current.send({ block: length });
    await sleep(length);
  },
};

const OF_NETWORK = {
  cut: (proxy) => proxy.cut(),
  silence: (proxy) => proxy.silence(),
  slow: (proxy, { delay }) => proxy.slow(delay),
  hold: (proxy) => proxy.hold(),
};

const OF_SERVER = {
  async crash(server, { length }) {
    await server.crash();
    await sleep(length);
    await server.restart();
  },

  async pause(server, { length }) {
    await server.pause();
    await sleep(length);
    server.resume();
  },
};

/** Does it, and resolves when it is over. Nothing is done where another fault of the same kind of thing still goes on. */
export async function inflict(fault, fleet) {
  const { kind, role, index } = fault;
  const slots = fleet.of(role);
  const choices = role === 'server' ? [fleet.server] : [...slots.slice(index), ...slots.slice(0, index)];
  const target = choices.find(({ isBusy }) => isBusy !== true);
  if (target === undefined) return fleet.journal.write('skipped', fault);
  target.isBusy = true;
  const { number } = fault;
  fleet.journal.write('fault', { ...fault, on: role === 'server' ? 'server' : target.name });
  try {
    if (role === 'server') await OF_SERVER[kind](target, fault);
    else if (kind in OF_PROCESS) await OF_PROCESS[kind](target, fault);
    else {
      OF_NETWORK[kind](target.proxy, fault);
      await sleep(fault.length);
      await target.proxy.heal();
    }
  } finally {
    target.isBusy = false;
    fleet.journal.write('healed', { number });
  }
  return undefined;
}
