// One producer of the fleet: adds work of all kinds without end, as its seed says. Its settings are the first argument.
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings, startApplication } from './application.js';
import { Chance } from './chance.js';
import { Client } from './client.js';

const settings = readSettings();
const { who, lease, seed } = settings;
const slot = who.split('#')[0];
const { app, journal, queue, tasks } = await startApplication({ ...settings, isWorker: false });
const client = new Client(queue, journal);
const chance = new Chance(seed);

/** Acts each second, and at once at most: the machine has other work. */
const RATE = 6;
const MOST = 40;
/** Own keys that may be cancelled. */
const recent = [];
let count = 0;

const nextId = () => `${who}.${(count += 1)}`;
const leases = (low, high) => Math.round(lease * (low + chance.next() * (high - low)));

function add(task, args, options = {}, fields = {}) {
  const id = nextId();
  if (options.key !== undefined) remember(options.key);
  return client.add(tasks[task], id, args, { task, ...fields, ...options });
}

function remember(key) {
  recent.push(key);
  if (recent.length > 12) recent.shift();
}

const keyed = (kind) => ({ key: `k.${kind}.${who}.${count + 1}` });
const group = () => `${slot}-${chance.between(0, 1)}`;

const ACTS = {
  plain: [28, () => add('plain', [chance.between(0, 300)], chance.next() < 0.5 ? {} : keyed('plain'))],
  taken: [9, () => add('plain', [chance.between(50, 400)], { key: `k.taken.${chance.between(0, 5)}` })],
  retried: [8, () => add('retried', [chance.between(0, 200), chance.between(0, 4)], keyed('retried'), { attempts: 4 })],
  delayed: [8, () => add('plain', [50], { ...keyed('delayed'), when: chance.between(200, 4_000) })],
  one: [9, () => add('limitedToOne', [`one-${chance.between(0, 1)}`, chance.between(50, 300)], keyed('one'))],
  three: [9, () => add('limitedToThree', ['three', chance.between(100, 500)], keyed('three'))],
  long: [2, () => add('long', [leases(1.2, 3)], keyed('long'))],
  shielded: [4, () => add('shielded', [leases(0.3, 2)], keyed('shielded'))],
  listening: [5, () => add('listening', [leases(0.3, 2)], keyed('listening'))],
  held: [7, held],
  strike: [1, strike],
  cancel: [5, () => (recent.length > 0 ? client.cancel(chance.pick(recent)) : undefined)],
  replace: [4, replace],
  followUp: [3, followUp],
};
const WEIGHTS = Object.fromEntries(Object.entries(ACTS).map(([name, [weight]]) => [name, weight]));

function held() {
  const which = group();
  return add('held', [which, 50], keyed('held'), { group: which });
}

async function strike() {
  const which = group();
  const [mode, pause] = [chance.pick(['hold', 'hold', 'drop']), chance.between(1_500, 3_500)];
  await client.strike(tasks.held, which, mode);
  await sleep(pause);
  await client.restore(tasks.held, which);
}

async function replace() {
  const options = { ...keyed('replaced'), when: chance.between(200, 2_000) };
  const [pause, when] = [chance.between(0, 2_200), chance.between(0, 1_000)];
  await add('plain', [chance.between(50, 800)], options);
  await sleep(pause);
  await client.replace(tasks.plain, nextId(), [50], { task: 'plain', key: options.key, when });
}

async function followUp() {
  const kinds = [false, chance.next() < 0.5, false];
  const plans = kinds.map((isFailing) => ({ isFailing, ms: chance.between(0, 1_500), ...keyedPart() }));
  const [isCancelling, ms] = [chance.next() < 0.4, chance.between(0, 300)];
  const parts = await Promise.all(
    plans.map(({ isFailing, ms: partMs, key }) => add('part', [partMs, isFailing], { key }, { isFailing })),
  );
  if (parts.includes(undefined)) return; // refused
  const id = nextId();
  const following = client.after(parts, tasks.finalize, id, [ms], { task: 'finalize', key: `k.finalize.${id}` });
  if (isCancelling) await client.cancel(plans[2].key);
  await following;
}

let partCount = 0;
function keyedPart() {
  return { key: `k.part.${who}.${(partCount += 1)}` };
}

const stop = new AbortController();
process.on('message', () => stop.abort());
journal.write('ready');
process.send('ready');

const active = new Set();
while (!stop.signal.aborted) {
  await sleep((2_000 / RATE) * chance.next());
  const act = ACTS[chance.weighted(WEIGHTS)][1];
  if (active.size >= MOST) continue;
  const doing = Promise.resolve(act()).finally(() => active.delete(doing));
  active.add(doing);
}
await Promise.race([Promise.all(active), sleep(20_000)]);
journal.write('done', { left: active.size });
await app.close();
process.disconnect();
