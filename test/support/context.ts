import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import { TaskScheduler, type TasksModuleOptions } from 'nestjs-tasks';
import { LogLines } from './log-lines.js';
import { compile } from './module.js';

export interface TestContext extends AsyncDisposable {
  readonly context: INestApplicationContext;
  readonly scheduler: TaskScheduler;
  readonly logs: LogLines;
}

/** An application without a server. `await using` closes it. */
export async function startContext(
  options: TasksModuleOptions = {},
  metadata: ModuleMetadata = {},
): Promise<TestContext> {
  const logs = new LogLines();
  const module = await compile(metadata, options, logs);
  const context = await module.init();
  logs.lines.length = 0; // what Nest has to say of its start
  return {
    context,
    scheduler: context.get(TaskScheduler),
    logs,
    [Symbol.asyncDispose]: () => context.close(),
  };
}
