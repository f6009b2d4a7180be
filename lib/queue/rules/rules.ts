import { types } from 'node:util';

import type { DurableTask } from '../declaration/durable-registry.js';
import { AutomaticTasks } from './automatic-tasks.js';
import { FollowUps } from './follow-ups.js';
import { LimitRule } from './limit-rule.js';
import { Pause } from './pause.js';
import type { Rule, RuledRun } from './rule.js';
import { StrikeRule } from './strike-rule.js';
import type { Settlement } from '../broker/settlement.js';

/** Rules in the order in which they are asked. The first that stops an execution decides. */
export const RULES = [Pause, StrikeRule, FollowUps, LimitRule, AutomaticTasks] as const;

/** Asks the rules, one after the other. */
export class Rules {
  private isReady = false;
  private isSweeping = false;

  constructor(private readonly rules: readonly Rule[]) {}

  async prepare(): Promise<void> {
    if (this.isReady) return;
    await Promise.all(this.rules.map((rule) => rule.prepare?.()));
    this.isReady = true;
  }

  /** Returns how a claimed execution is settled instead of being run; nothing where it may run. */
  beforeRun(
    run: RuledRun,
    task: DurableTask,
    args: readonly unknown[],
  ): Settlement | undefined | Promise<Settlement | undefined> {
    for (const [at, rule] of this.rules.entries()) {
      const answer = rule.beforeRun?.(run, task, args);
      if (answer === undefined) continue;
      if (types.isPromise(answer)) return this.beforeRunLater(answer, at, run, task, args);
      run.stopBy(rule);
      return answer;
    }
    return undefined;
  }

  /** Goes on with the rule whose answer has to be waited for. */
  private async beforeRunLater(
    first: Promise<Settlement | undefined>,
    from: number,
    run: RuledRun,
    task: DurableTask,
    args: readonly unknown[],
  ): Promise<Settlement | undefined> {
    for (const [at, rule] of this.rules.entries()) {
      if (at < from) continue;
      const settlement = await (at === from ? first : rule.beforeRun?.(run, task, args));
      if (settlement === undefined) continue;
      run.stopBy(rule);
      return settlement;
    }
    return undefined;
  }

  beforeSettlement(run: RuledRun, settlement: Settlement): Promise<unknown> | undefined {
    return together(this.rules, (rule) => rule.beforeSettlement?.(run, settlement));
  }

  afterRun(run: RuledRun, settlement: Settlement): Promise<unknown> | undefined {
    return together(this.rules, (rule) => rule.afterRun?.(run, settlement));
  }

  async sweep(): Promise<void> {
    if (!this.isReady || this.isSweeping) return;
    this.isSweeping = true;
    try {
      for (const rule of this.rules) await rule.sweep?.();
    } finally {
      this.isSweeping = false;
    }
  }

  close(): void {
    for (const rule of this.rules) rule.close?.();
  }
}

/** Calls a hook of all rules. Nothing is made where none has anything to wait for: that is nearly every run. */
function together(
  rules: readonly Rule[],
  hook: (rule: Rule) => Promise<void> | undefined,
): Promise<unknown> | undefined {
  let waits: Promise<void>[] | undefined;
  for (const rule of rules) {
    const wait = hook(rule);
    if (wait !== undefined) (waits ??= []).push(wait);
  }
  return waits && Promise.all(waits);
}
