// The measurements of contention.js: each runs its arms in turns, and gives what came out of each in each round. They fail
// when an execution is lost or run twice, or two of a key overlap.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ARMS, activationsOf, expect, openAdder } from './contention-arms.js';
import { afterGc, alternate } from './rounds.js';

export const { short } = parseArgs({ options: { short: { type: 'boolean', default: false } } }).values;
const ROUNDS = short ? 1 : 3;
const ADD_ROUNDS = short ? 1 : 7;
const KEYS = short ? 10 : 100;
/** How many executions, and of how many keys. Retries take minutes for all of them when the keys come in order. */
const ALL = { count: short ? 200 : 10_000, keys: KEYS };
const FEWER = { count: short ? 100 : 2_000, keys: short ? 5 : 20 };
const COLD = { count: short ? 200 : 2_000, keys: KEYS };
const HOT = short ? 50 : 1_000;
const STRIKES = short ? 100 : 10_000;
/** How many are added, in each round. */
const ADDS = { Redis: short ? 100 : 3_000, memory: short ? 1_000 : 20_000 };
/** What an execution takes, in milliseconds. */
const BODY = 5;
/** Nothing here takes so long unless something is lost, in milliseconds. */
const PATIENCE = 180_000;

/** What `measure` gives for each arm in each round. */
const compare = (arms, rounds, measure, warmUps = 0) => alternate(arms, { rounds, warmUps }, afterGc(measure));

/** Of each arm and round: executions a second, and how often they were started. */
export async function drain({ site }, order) {
  const [library] = ARMS;
  return compare(ARMS, ROUNDS, (arm, round) => {
    const { count, keys } = order === 'sorted' && arm !== library ? FEWER : ALL;
    const sorted = Array.from({ length: count }, (_, id) => Math.floor((id * keys) / count));
    const ordered = order === 'sorted' ? sorted : shuffle(sorted, round);
    return run(arm, site(`${order}-${round}-${arm.name}`), ordered);
  });
}

/** Milliseconds until all of many keys have run: behind those of a hot key, and without these. */
export async function passHotKey({ site }) {
  const [library] = ARMS;
  const results = await compare([HOT, 0], ROUNDS, (hot, round) => {
    const cold = Array.from({ length: COLD.count }, (_, id) => id % COLD.keys);
    const keys = [...Array.from({ length: hot }, () => 'hot'), ...cold];
    return run(library, site(`hot-${round}-${hot}`), keys, (key) => key !== 'hot');
  });
  return results.map((rounds) => rounds.map(({ time }) => time));
}

/** µs of CPU for each that is added: with strikes in force, none of which is on it, and without. */
export async function addUnstruck({ name, site }) {
  const count = ADDS[name];
  const adders = new Map();
  for (const strikes of [STRIKES, 0]) adders.set(strikes, await openAdder(site(`strikes-${strikes}`), strikes));
  const time = async (strikes) => {
    const before = process.cpuUsage();
    for (let id = 0; id < count; id++) await adders.get(strikes).add(STRIKES + id);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  };
  const results = await compare([STRIKES, 0], ADD_ROUNDS, time, 1);
  for (const adder of adders.values()) await adder.close();
  return results;
}

/**
 * Runs an execution for each of the keys, which wait when the worker comes.
 *
 * @param awaited until these have run, by key, is measured; what is left runs as well.
 */
async function run(arm, site, keys, awaited = () => true) {
  await arm.fill(site, keys);
  const book = new Book(keys, awaited);
  const worker = await arm.openWorker(site, (key, id) => book.run(key, id));
  const { time, all } = await book.done;
  await all;
  await worker.close();
  const activations = await activationsOf(site);
  expect(activations.length === keys.length, `${arm.name} has completed ${activations.length} of ${keys.length}`);
  const sum = activations.reduce((total, starts) => total + starts, 0);
  return { rate: (book.awaited * 1_000) / time, time, mean: sum / keys.length, most: Math.max(...activations) };
}

/** Who runs and has run. */
class Book {
  #running = new Set();
  #ended = new Set();
  #startedAt;
  #left;
  #resolve;
  #resolveAll;
  #reject;

  constructor(keys, isAwaited) {
    this.keys = keys;
    this.isAwaited = isAwaited;
    this.awaited = keys.filter(isAwaited).length;
    this.#left = this.awaited;
    const all = new Promise((resolve, reject) => {
      this.#resolveAll = resolve;
      this.#reject = reject;
    });
    const late = () => this.#reject(new Error(`Only ${this.#ended.size} of ${keys.length} have run`));
    const timer = setTimeout(late, PATIENCE);
    const stop = () => clearTimeout(timer);
    all.then(stop, stop);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = (time) => resolve({ time, all });
      all.catch(reject);
    });
  }

  async run(key, id) {
    this.#startedAt ??= performance.now();
    if (this.#running.has(key)) this.#reject(new Error(`Two of key ${key} overlap`));
    this.#running.add(key);
    await sleep(BODY);
    this.#running.delete(key);
    if (this.#ended.has(id)) this.#reject(new Error(`Number ${id} has run twice`));
    this.#ended.add(id);
    if (this.isAwaited(key) && (this.#left -= 1) === 0) this.#resolve(performance.now() - this.#startedAt);
    if (this.#ended.size === this.keys.length) this.#resolveAll();
  }
}

/** The same for the same seed, so that all arms get the same order. (mulberry32) */
function shuffle(values, seed) {
  const shuffled = [...values];
  let state = seed;
  const below = (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  for (let at = shuffled.length - 1; at > 0; at--) {
    const other = below(at + 1);
    [shuffled[at], shuffled[other]] = [shuffled[other], shuffled[at]];
  }
  return shuffled;
}
