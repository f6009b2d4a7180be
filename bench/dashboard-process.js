// One arm of dashboard.js: node dashboard-process.js <dashboard or none>. Adds some work each second, and answers with the CPU
// time of the process.
import 'reflect-metadata';
import { setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { TasksDashboardModule } from '../dist/dashboard/index.js';
import { Durable, TaskQueue, TasksModule } from '../dist/index.js';
import { answerParent } from './arm-process.js';

const [arm] = process.argv.slice(2);
const SCHEDULED = 1_000;
const RUNS = 2_000;
/** Runs in a tenth of a second. */
const TRAFFIC = 5;

class BenchTasks {
  async run() {}
}
Durable('bench.run')(BenchTasks.prototype, 'run', Object.getOwnPropertyDescriptor(BenchTasks.prototype, 'run'));
class AppModule {}
const dashboard = arm === 'none' ? [] : [TasksDashboardModule.forRoot({ path: 'tasks', unprotected: true })];
const app = await NestFactory.create(
  { module: AppModule, imports: [TasksModule.forRoot(), ...dashboard], providers: [BenchTasks] },
  { logger: false },
);
await app.listen(0, '127.0.0.1');
const queue = app.get(TaskQueue);
const { run } = BenchTasks.prototype;
for (let at = 0; at < SCHEDULED; at++) await queue.add(run, { when: '1d' })();

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const QUESTIONS = {
  /** Returns the milliseconds of CPU time that many runs take. */
  async runs() {
    const before = cpu();
    const executions = await Promise.all(Array.from({ length: RUNS }, () => queue.add(run)()));
    await Promise.all(executions.map((execution) => execution.result()));
    return cpu() - before;
  },
  /** Returns the share of a core that the process takes, in percent, with some traffic. */
  async share({ milliseconds }) {
    const traffic = setInterval(() => {
      for (let at = 0; at < TRAFFIC; at++) void queue.add(run)();
    }, 100);
    const [before, start] = [cpu(), performance.now()];
    await sleep(milliseconds);
    clearInterval(traffic);
    return (100 * (cpu() - before)) / (performance.now() - start);
  },
};

const { port } = app.getHttpServer().address();
answerParent({ port }, ({ name, ...rest }) => QUESTIONS[name](rest));
