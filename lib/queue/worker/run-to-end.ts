import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../broker/broker.js';
import { queuePaused, TaskArgumentError } from '../broker/queue-errors.js';
import type { ExecutionHandles } from '../client/execution-handles.js';
import type { Pause } from '../rules/pause.js';
import type { QueueWorker } from './queue-worker.js';
import { reasonOf, type StartCaps } from './start-caps.js';
import { isEnded } from '../broker/record.js';

/** Interval of looks whether everything has ended, in milliseconds. */
const LOOK_INTERVAL = 10;

/**
 * Resolves when everything has ended, in whichever process. Starts the worker of this one.
 *
 * @throws {TasksUsageError} `QUEUE_PAUSED`
 */
export async function runUntilFinished(broker: Broker, worker: QueueWorker, pause: Pause): Promise<void> {
  worker.start();
  await pause.prepare();
  while ((await broker.executions.size()) > 0) {
    if (pause.isOn) throw queuePaused('runUntilFinished()');
    await sleep(LOOK_INTERVAL);
  }
}

/**
 * Runs to the end, with a limit on how often the executions of some keys start.
 *
 * @param run to the end.
 * @throws {TaskArgumentError} when a number is not a whole one from 0; nothing has run then.
 */
export async function runLimited(
  broker: Broker,
  executions: ExecutionHandles,
  limits: StartCaps,
  starts: Readonly<Record<string, number>>,
  run: () => Promise<void>,
): Promise<void> {
  setLimits(limits, starts);
  try {
    for (const [key, limit] of Object.entries(starts)) await cancelSpent(broker, executions, key, limit);
    await run();
  } finally {
    for (const key of Object.keys(starts)) limits.delete(key);
  }
}

function setLimits(limits: StartCaps, starts: Readonly<Record<string, number>>): void {
  for (const [key, limit] of Object.entries(starts)) {
    if (!Number.isInteger(limit) || limit < 0) {
      throw new TaskArgumentError('runAtMost()', key, limit, 'a whole number from 0');
    }
  }
  for (const [key, limit] of Object.entries(starts)) limits.set(key, limit);
}

/** Cancels an execution that has had its number of starts. It would not start again; but it may be long until it would. */
async function cancelSpent(broker: Broker, executions: ExecutionHandles, key: string, limit: number): Promise<void> {
  const record = await broker.executions.get(key);
  if (record === undefined || isEnded(record.state) || record.state === 'running' || record.starts < limit) return;
  await executions.cancel(key, reasonOf(limit));
}
