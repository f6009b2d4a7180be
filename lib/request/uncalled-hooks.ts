import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { prototypeOf } from '../scheduler/provider-classes.js';
import { TaskLog } from '../scheduler/task-log.js';
import { TASK_LINES } from '../task/task-lines.js';
import { injects } from './injected-classes.js';
import { TasksService } from './tasks.service.js';

/** Hooks that Nest calls on singletons only, without a word about others. */
const HOOKS = [
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
];

/** Warns of lifecycle hooks that Nest never calls, since their class injects `TasksService` and so is request-scoped. */
@Injectable()
export class UncalledHooks implements OnModuleInit {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly log: TaskLog,
  ) {}

  onModuleInit(): void {
    for (const { providers, controllers } of this.modules.values()) {
      for (const wrapper of [...providers.values(), ...controllers.values()]) this.check(wrapper);
    }
  }

  private check(wrapper: InstanceWrapper): void {
    if (wrapper.isAlias || !injects(wrapper, TasksService)) return;
    const prototype = prototypeOf(wrapper);
    const hooks = HOOKS.filter((name) => prototype !== undefined && name in prototype);
    if (hooks.length === 0) return;
    this.log.write(
      'warn',
      TASK_LINES.warn.uncalledHooks(String(wrapper.name), hooks.map((name) => `${name}()`).join(', ')),
    );
  }
}
