// One process of one version. Its settings are the first argument; it does what its parent asks, call by call.
import 'reflect-metadata';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { declareTasks } from './tasks.js';

const { library, url, prefix, isWorker, isRescue } = JSON.parse(process.argv[2]);
const LEASE = 1_500;
const KEPT_LINES = 20;
/** Options that an earlier version may refuse. */
const NEWER_OPTIONS = { logs: KEPT_LINES };

const version = await import(pathToFileURL(join(library, 'index.js')).href);
let context;
const Tasks = declareTasks(version, () => context, isRescue);

async function boot(options) {
  const queue = { url, prefix, name: 'versions', worker: isWorker && { concurrency: 5, lease: LEASE }, ...options };
  const module = {
    module: class VersionModule {},
    imports: [version.TasksModule.forRoot({ queue })],
    providers: [Tasks],
  };
  return NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
}

const app = await boot(NEWER_OPTIONS).catch(() => boot({}));
context = app.get(version.TaskContext);
const queue = app.get(version.TaskQueue);
const tasks = app.get(Tasks);

/** Handles of what this process has added, by key. */
const added = new Map();
const handleOf = async (key) => added.get(key)?.refresh() ?? queue.get(key);

function remember(execution) {
  added.set(execution.key, execution);
  return { key: execution.key, disposition: execution.disposition };
}

/** What a handle tells. Of what one version does not know, there is `undefined`. */
async function seen(execution) {
  if (execution === undefined) return undefined;
  const { id, key, name, args, state, attempt, reason, error, addedAt, startedAt, endedAt, trail } = execution;
  const { current, total } = execution.progress;
  const lines = await execution.logs?.();
  return {
    id,
    key,
    name,
    args,
    state,
    attempt,
    reason,
    addedAt,
    startedAt,
    endedAt,
    progress: { current, total },
    error: error && { name: error.name, message: error.message },
    trail: trail?.map(({ at, type, reason: why }) => ({ at, type, reason: why })),
    lines: lines?.map(({ level, message }) => `${level}: ${message}`),
  };
}

const CALLS = {
  offers: () => namesOf(queue),
  add: async (task, options, ...args) => remember(await queue.add(task, options)(...args)),
  replace: async (task, options, ...args) => remember(await queue.replace(task, options)(...args)),
  async after(keys, task, options) {
    const executions = await Promise.all(keys.map(handleOf));
    return remember(await queue.after(executions).add(task, options)());
  },
  async result(key) {
    try {
      return await (await handleOf(key)).result({ timeout: '15s' });
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  },
  see: async (key) => seen(await handleOf(key)),
  find: async (key) => seen(await queue.get(key)),
  async history(query) {
    const { executions } = await queue.history(query);
    return Promise.all(executions.map(seen));
  },
  async retryAll(filter) {
    return (await queue.retryAll(filter)).result({ timeout: '15s' });
  },
  runs: () => tasks.runs,
  mend: () => tasks.mend(),
  close: () => app.close(),
};
for (const name of [
  'cancel',
  'retry',
  'forget',
  'failures',
  'stats',
  'timeline',
  'strike',
  'restore',
  'strikes',
  'pause',
  'resume',
  'isPaused',
  'limits',
  'workers',
  'clear',
]) {
  CALLS[name] = (...args) => queue[name](...args);
}

/** Names of all methods, of its base classes too. */
function namesOf(object) {
  const names = [];
  for (let each = object; each !== null && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    names.push(...Object.getOwnPropertyNames(each));
  }
  return names;
}

process.on('message', async ({ number, call, args }) => {
  try {
    process.send({ number, value: await CALLS[call](...args) });
  } catch (error) {
    process.send({ number, error: `${error.name}: ${error.message}` });
  }
  if (call === 'close') process.disconnect();
});
process.once('disconnect', () => process.exit());
process.send('ready');
