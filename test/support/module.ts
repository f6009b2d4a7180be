import type { ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { TasksModule, type TasksModuleOptions } from 'nestjs-tasks';
import type { LogLines } from './log-lines.js';

/** A module with the tasks module in it, whose log lines are kept. */
export function compile(metadata: ModuleMetadata, options: TasksModuleOptions, logs: LogLines): Promise<TestingModule> {
  const imports = [TasksModule.forRoot(options), ...(metadata.imports ?? [])];
  return Test.createTestingModule({ ...metadata, imports })
    .setLogger(logs)
    .compile();
}
