// Loads both formats of the package, in the order that its argument says, and sets up the module of the first.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import 'reflect-metadata';

const require = createRequire(import.meta.url);
const loads = [() => import('nestjs-tasks'), async () => require('nestjs-tasks')];
if (process.argv[2] === 'require') loads.reverse();

const { TasksModule, TasksUsageError } = await loads[0]();
TasksModule.forRoot();
await assert.rejects(loads[1], { name: 'TasksUsageError', code: 'TWO_HALVES' });
TasksModule.forRoot(); // the one that was there first goes on
assert.equal(new TasksUsageError('TASK_HOST', '').code, 'TASK_HOST');
