// An application that dies on the way from its transaction to the run. Its settings are the first argument.
import { Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { TaskQueue, TasksModule, type TaskQueueOptions } from 'nestjs-tasks';
import type { Broker } from '../../../lib/queue/broker/broker.js';
import type { OutboxConnection, OutboxDatabase } from '../../../lib/queue/broker/outbox/outbox-database.js';
import { connectOutboxDatabase, type OutboxKind } from '../../support/outbox-databases.js';
import { CrashTasks, OrderJournal } from './crash-tasks.js';

/** Moment of the death: a step, or a statement of the outbox by its number, before it is sent or after its answer. */
export type Death =
  | 'before the commit'
  | 'in the commit'
  | 'after the commit'
  | 'before the addition'
  | 'in the addition'
  | 'after the addition'
  | 'in the run'
  | 'after the run'
  | 'before the deletion'
  | { readonly statement: number; readonly when: 'before' | 'in' | 'after' };

export interface CrashSettings {
  readonly queue: Omit<TaskQueueOptions, 'outbox'>;
  readonly outbox: { readonly kind: OutboxKind; readonly address: string };
  readonly journal: string;
  readonly order: string;
  readonly death: Death;
}

const { queue, outbox, journal, order, death } = JSON.parse(process.argv[2] ?? '') as CrashSettings;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way
}

let statements = 0;

/** Runs a statement that the process may not survive. */
async function survive<T>(statement: string, run: () => Promise<T>): Promise<T> {
  statements += 1;
  const isLast = typeof death === 'object' && death.statement === statements;
  if (isLast && death.when === 'before') die();
  if (death === 'before the deletion' && statement.startsWith('DELETE') && !statement.includes('<=')) die();
  const answer = run();
  if (isLast && death.when === 'in') setImmediate(die);
  const value = await answer;
  if (isLast) die();
  return value;
}

function mortal({ query, execute }: OutboxConnection): OutboxConnection {
  return {
    query: (...statement) => survive(statement[0], () => query(...statement)),
    execute: (...statement) => survive(statement[0], () => execute(...statement)),
  };
}

function mortalDatabase(database: OutboxDatabase): OutboxDatabase {
  const within = (transaction: unknown) => {
    const found = database.within(transaction);
    if (found instanceof Promise) return found.then((connection) => connection && mortal(connection));
    return found && mortal(found);
  };
  return { ...database, ...mortal(database), within };
}

const database = connectOutboxDatabase(outbox.kind, outbox.address);

@Module({
  imports: [TasksModule.forRoot({ queue: { ...queue, outbox: { database: mortalDatabase(database.database) } } })],
  providers: [CrashTasks, { provide: OrderJournal, useFactory: () => new OrderJournal(journal) }],
})
class CrashModule {}

const app = await NestFactory.createApplicationContext(CrashModule, { logger: false });
const tasks = app.get(TaskQueue);
const crashTasks = app.get(CrashTasks);
const { executions, runs } = app.get<Broker>(brokerToken());

/** The built library has one file, which keeps its tokens to itself. */
function brokerToken(): symbol {
  const tokens = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.providers.keys()]);
  const token = tokens.find((each) => typeof each === 'symbol' && each.description === 'BROKER');
  if (token === undefined) throw new Error('No provider has the token BROKER');
  return token as symbol;
}

const { add } = executions;
executions.add = async (...args) => {
  if (death === 'before the addition') die();
  const answer = add.apply(executions, args);
  if (death === 'in the addition') setImmediate(die);
  const added = await answer;
  if (death === 'after the addition') die();
  return added;
};
const { settle } = runs;
runs.settle = async (...args) => {
  const next = await settle.apply(runs, args);
  return death === 'after the run' ? die() : next;
};
if (death === 'in the run') crashTasks.begun = die;

const transaction = await database.begin();
await transaction.run(`INSERT INTO orders (id) VALUES ('${order}')`);
const { id } = await tasks.add(crashTasks.process, { key: order, transaction: transaction.handle })(order);
process.send?.(id);
if (death === 'before the commit') die();
const committing = transaction.commit();
if (death === 'in the commit') setImmediate(die);
await committing;
if (death === 'after the commit') die();
// It dies before that, unless it has fewer statements to run.
await tasks.runUntilFinished();
die();
