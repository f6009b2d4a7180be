// One process of a fleet, for the tests to kill. Its settings are the first argument; see fleet.ts.
import { ConsoleLogger, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { TaskQueue, TasksModule } from 'nestjs-tasks';
import type { Broker } from '../../../lib/queue/broker/broker.js';
import type { Step } from './fault-tasks.js';
import type { Answer, Call, WorkerSettings } from './fleet.js';
import { RunJournal } from './run-journal.js';
import { providersOf } from './task-sets.js';

const { journal: file, queue, shutdown = {}, tasks: sets, death } = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const journal = new RunJournal(file);

@Module({
  imports: [TasksModule.forRoot({ queue, shutdown })],
  providers: [...providersOf(sets), { provide: RunJournal, useValue: journal }],
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: new ConsoleLogger({ colors: false }) });
const tasks = app.get(TaskQueue);
const broker = app.get<Broker>(brokerToken());

/** The built library has one file, which keeps its tokens to itself. */
function brokerToken(): symbol {
  const tokens = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.providers.keys()]);
  const token = tokens.find((each) => typeof each === 'symbol' && each.description === 'BROKER');
  if (token === undefined) throw new Error('No provider has the token BROKER');
  return token as symbol;
}

function die(): never {
  journal.beginDeath();
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way
}

/** Replaces calls to the broker by those that the process does not survive. */
function prepareDeath({ at, delay = 0 }: NonNullable<WorkerSettings['death']>): void {
  const { renew, settle } = broker.runs;
  const soon = (): unknown => (delay === 0 ? setImmediate(die) : setTimeout(die, delay));
  if (at === 'renewing' || at === 'renewed') {
    broker.runs.renew = async (...args) => {
      if (at === 'renewing') soon();
      await renew.apply(broker.runs, args);
      return die();
    };
  } else {
    broker.runs.settle = async (...args) => {
      if (at === 'before settling') die();
      if (at === 'settling') soon();
      await settle.apply(broker.runs, args);
      return die();
    };
  }
}
if (death !== undefined) prepareDeath(death);

const CALLS = {
  counts: () => tasks.counts,
  add: async (key: string, ...steps: Step[]) => (await tasks.add('work', { key })(...steps)).disposition,
};

process.on('message', async ({ id, call, args }: Call) => {
  const act: (...args: never[]) => unknown = CALLS[call];
  const value = await act(...(args as never[]));
  process.send?.({ id, value } satisfies Answer);
});

let isClosing = false;
process.once('SIGTERM', async () => {
  isClosing = true;
  await app.close();
  // Nothing else may hold the process.
  process.disconnect();
});
// Whoever started it has gone.
process.once('disconnect', () => !isClosing && process.exit(1));
process.send?.({ id: 0, value: 'ready' } satisfies Answer);
