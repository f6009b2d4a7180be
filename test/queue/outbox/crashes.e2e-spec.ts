import { once } from 'node:events';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BROKERS, brokerSpace, type BrokerKind, type BrokerSpace } from '../../support/brokers.js';
import {
  connectOutboxDatabase,
  inTransaction,
  openOutboxDatabase,
  OUTBOXES,
  type OutboxKind,
} from '../../support/outbox-databases.js';
import { startQueue } from '../../support/queue-context.js';
import { until } from '../../support/until.js';
import { Chance } from '../faults/chance.js';
import { Programs } from '../faults/fleet.js';
import { Turns } from '../faults/turns.js';
import type { CrashSettings, Death } from './crash-process.js';
import { CrashTasks, OrderJournal } from './crash-tasks.js';

jest.setTimeout(120_000);

const STEPS = [
  'before the commit',
  'in the commit',
  'after the commit',
  'before the addition',
  'in the addition',
  'after the addition',
  'in the run',
  'after the run',
  'before the deletion',
] as const;
/** Number of deaths at a statement by chance, for each pair. With one that is set, each pair has all steps, too. */
const CHOSEN = process.env['TASKS_TEST_CRASHES'];
/** A little more than an application runs, from its boot to the run. */
const MOST_STATEMENTS = 16;
/** In milliseconds. What a dead process has in hand is taken up after it. */
const LEASE = 500;

const chance = new Chance();
let programs: Programs;

beforeAll(async () => {
  programs = await Programs.build();
});
afterAll(() => {
  programs[Symbol.dispose]();
  process.stderr.write(`outbox crashes: seed ${chance.seed}\n`);
});

function randomDeath(): Death {
  const when = (['before', 'in', 'after'] as const)[chance.below(3)] ?? 'in';
  return { statement: 1 + chance.below(MOST_STATEMENTS), when };
}

/** Returns all steps, or a third of them: the pairs of one database have all, and those of one broker. */
function stepsOf(kind: OutboxKind, broker: BrokerKind): readonly Death[] {
  if (CHOSEN !== undefined) return STEPS;
  const shift = OUTBOXES.indexOf(kind) + BROKERS.indexOf(broker);
  return STEPS.filter((_, at) => (at + shift) % BROKERS.length === 0);
}

function randomDeaths(kind: OutboxKind, broker: BrokerKind): number {
  if (CHOSEN !== undefined) return Number(CHOSEN);
  return OUTBOXES.indexOf(kind) === BROKERS.indexOf(broker) ? 1 : 0;
}

/** Runs the application until its death. @returns the id of its execution, if it has written one. */
async function crash(settings: CrashSettings): Promise<string | undefined> {
  const program = programs.pathOf('../outbox/crash-process');
  const child = fork(program, [JSON.stringify(settings)], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let id: string | undefined;
  let complaint = '';
  child.on('message', (message) => (id = String(message)));
  child.stderr?.on('data', (text) => (complaint += String(text)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`The application has ended with ${code ?? signal}: ${complaint}`);
  return id;
}

const PAIRS = OUTBOXES.flatMap((kind) => BROKERS.map((broker) => [kind, broker.label, broker] as const));

describe.each(PAIRS)('kill -9 of an application with its outbox in %s, relayed to %s', (kind, _label, broker) => {
  const space = brokerSpace(broker);

  it('runs a task if and only if its order exists, and adds it once', async () => {
    const turns = new Turns(3);
    const deaths: Death[] = [
      ...stepsOf(kind, broker),
      ...Array.from({ length: randomDeaths(kind, broker) }, randomDeath),
    ];
    const faults = await Promise.all(
      deaths.map(async (death) => {
        using _ = await turns.take();
        const found = await faultsOf(space, kind, death).catch((error: unknown) => [String(error)]);
        return found.map((fault) => ({ death, fault }));
      }),
    );
    expect({ seed: chance.seed, faults: faults.flat() }).toEqual({ seed: chance.seed, faults: [] });
  });
});

/** Kills an application that writes an order, and returns what another one finds wrong after it. */
async function faultsOf(space: BrokerSpace, kind: OutboxKind, death: Death): Promise<string[]> {
  await using home = await openOutboxDatabase(kind);
  const fleet = space.newQueue();
  const journal = new OrderJournal(join(programs.folder, `journal-${home.address.replaceAll(/\W/g, '')}`));
  const id = await crash({
    queue: { ...space.options(fleet), worker: { lease: LEASE } },
    outbox: { kind, address: home.address },
    journal: journal.file,
    order: 'o1',
    death,
  });
  const runsBefore = journal.runs('o1');

  await using database = connectOutboxDatabase(kind, home.address);
  const providers = [CrashTasks, { provide: OrderJournal, useValue: journal }];
  const outbox = { database: database.database };
  await using test = await startQueue(space, { providers }, { fleet, lease: LEASE, outbox });
  const { queue } = test;
  const { process } = test.context.get(CrashTasks);
  // All that was written before the sentinel is relayed before it, or held by the dead process for its lease.
  const sentinel = await inTransaction(database, ({ handle }) =>
    queue.add(process, { key: 'sentinel', transaction: handle })('sentinel'),
  );
  await sentinel.result({ timeout: '20s' });
  await until(async () => (await rowsOf(database)) === 0, 'an empty outbox', 20_000);
  await queue.runUntilFinished();

  const orders = (await database.query('SELECT id FROM orders')).length;
  const { executions } = await queue.history({ keyPrefix: 'o1' });
  const runs = journal.runs('o1');
  const ended = executions.map((execution) => `${execution.id} ${execution.state}`);
  const faults: string[] = [];
  const check = (isRight: boolean, fault: string) => isRight || faults.push(fault);
  const { disposition } = await queue.add(process, { key: 'o1' })('again');
  await queue.runUntilFinished();

  check(disposition === 'scheduled', `the key is not free afterwards: ${disposition}`);
  check(orders === 0 ? runs === 0 : runs > 0, `${orders} orders and ${runs} runs`);
  // A run that had begun may begin again. In memory, nobody knows that it has ended.
  const isOnce = runsBefore === 0 || (death === 'after the run' && space.kind.isShared);
  check(!isOnce || runs <= 1, `${runs} runs`);
  check(ended.join() === (orders === 0 ? '' : `${id} completed`), `${id} has become ${ended.join(', ')}`);
  return faults;
}

async function rowsOf(database: { query(sql: string): Promise<Record<string, unknown>[]> }): Promise<number> {
  return (await database.query('SELECT id FROM nestjs_tasks_outbox')).length;
}
