import { setTimeout } from 'node:timers/promises';
import { firstValueFrom, map, timeout, toArray } from 'rxjs';
import { invoiceKeys } from '../invoice.tasks.js';
import type { Entry } from '../ledger.js';
import { orderKey, type Order } from '../order.js';
import type { AppProcess } from './app-process.js';
import type { Stage } from './stage.js';

const PATIENCE = 30_000;
const MONTH = '2026-10';
const KEYS = invoiceKeys(MONTH);
const PAGES = 100;
const PAGES_BEFORE_KILL = 40;

/**
 * What the demo shows, in order.
 *
 * @throws {Error} when something was lost.
 */
export async function tellStory(stage: Stage): Promise<void> {
  const since = performance.now();
  title('One API process, one worker process');
  const api = await stage.startApi();
  const first = await stage.startWorker();

  await followChain(stage, api);
  const second = await killInFanOut(stage, api, first);
  await stopInTheMiddle(stage, api, second);

  console.log(`\nNothing was lost. (${((performance.now() - since) / 1_000).toFixed(0)} s)`);
}

async function followChain(stage: Stage, api: AppProcess): Promise<void> {
  title('An order: three tasks, each adds the next');
  const { id } = (await post(api, '/orders', { book: 'Out of Print' })) as Order;
  for (const step of ['charge', 'reserve', 'ship'] as const) await follow(stage, orderKey(id, step));
}

async function killInFanOut(stage: Stage, api: AppProcess, worker: AppProcess): Promise<AppProcess> {
  title(`${PAGES} pages of invoices, and kill -9 in the middle`);
  await post(api, `/invoices/${MONTH}`);
  await until(`${PAGES_BEFORE_KILL} pages are done, and more have started`, async () => {
    const started = pagesOf(await stage.ledger.entries(), 'started');
    const done = await stage.ledger.done(KEYS.pages);
    return done.size >= PAGES_BEFORE_KILL && new Set(started).size > done.size;
  });
  console.log(`   ${worker.name} is killed: ${await worker.kill('SIGKILL')}`);
  const atKill = await stage.ledger.done(KEYS.pages);
  console.log(`   ${atKill.size} pages are done, ${PAGES - atKill.size} are not`);
  const next = await stage.startWorker();
  await untilQueueIsEmpty(stage);

  const entries = await stage.ledger.entries();
  const done = await stage.ledger.done(KEYS.pages);
  ensure(done.size === PAGES, `only ${done.size} of ${PAGES} pages were rendered`);
  console.log(`   ${done.size} of ${PAGES} pages are done`);
  const twice = runAgain(entries);
  console.log(
    `   ran twice, for ${worker.name} died in them: ${twice.length > 0 ? `pages ${twice.join(', ')}` : 'none'}`,
  );
  const closes = entries.filter(({ key, event }) => key === KEYS.close && event === 'done').length;
  ensure(closes === 1, `${MONTH} was closed ${closes} times`);
  console.log(`   ${MONTH} was closed once, after the last page`);
  return next;
}

async function stopInTheMiddle(stage: Stage, api: AppProcess, worker: AppProcess): Promise<void> {
  title('SIGTERM, while a shielded and an unshielded task run');
  const { id } = (await post(api, '/orders', { book: 'The Art of Shutting Down' })) as Order;
  const { key: index } = (await post(api, '/catalogue/index')) as { key: string };
  const charge = orderKey(id, 'charge');
  await until('both run', async () => {
    const entries = await stage.ledger.entries();
    const keys = new Set(entries.map(({ key }) => key));
    return keys.has(charge) && keys.has(index);
  });
  console.log(`   ${worker.name} gets SIGTERM`);
  await worker.kill('SIGTERM');
  console.log(`   ${worker.name} has ended`);
  ensure((await show(stage, charge)) === 'completed', 'the charge was cut in two');
  await show(stage, orderKey(id, 'reserve'));
  ensure((await show(stage, index)) === 'queued', 'the index did not go back to the queue');

  await stage.startWorker();
  for (const key of [orderKey(id, 'reserve'), orderKey(id, 'ship'), index]) await follow(stage, key);
}

/** Prints the states that the execution goes through until it has ended, and its result. */
async function follow(stage: Stage, key: string): Promise<void> {
  const execution = await find(stage, key);
  const states$ = execution.events$.pipe(
    map(({ state }) => state),
    toArray(),
    timeout(PATIENCE),
  );
  const states = await firstValueFrom(states$);
  console.log(`   ${row(execution.name, states.join(', '))}→ ${String(await execution.result())}`);
}

/** Prints where the execution stands. */
async function show(stage: Stage, key: string): Promise<string> {
  const { name, state, attempt, reason } = await find(stage, key);
  console.log(`   ${row(name, state)}attempt ${attempt}${reason === undefined ? '' : `, ${reason}`}`);
  return state;
}

async function find({ queue }: Stage, key: string) {
  const execution = await queue.get(key);
  if (execution === undefined) throw new Error(`The queue has lost ${key}`);
  return execution;
}

/** The pages that were started more often than once. */
function runAgain(entries: readonly Entry[]): number[] {
  const started = pagesOf(entries, 'started');
  return started.filter((page, index) => started.indexOf(page) < index).toSorted((a, b) => a - b);
}

function pagesOf(entries: readonly Entry[], event: Entry['event']): number[] {
  const found = entries.filter((entry) => entry.event === event && entry.key.startsWith(KEYS.pages));
  return found.map(({ key }) => Number(key.slice(KEYS.pages.length)));
}

async function untilQueueIsEmpty({ queue }: Stage): Promise<void> {
  await until('the queue is empty', async () => {
    const { total } = await queue.snapshot({ limit: 0 });
    return total === 0;
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await condition())) {
    ensure(performance.now() < deadline, `"${what}" has not come true in ${PATIENCE / 1_000} s`);
    await setTimeout(20);
  }
}

async function post(api: AppProcess, path: string, body: object = {}): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${api.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  console.log(`   POST ${path} is answered with ${response.status}`);
  ensure(response.ok, await response.clone().text());
  return response.json();
}

function ensure(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

function title(text: string): void {
  console.log(`\n${text}`);
}

function row(name: string, states: string): string {
  return `${name.padEnd(17)} ${states.padEnd(38)} `;
}
