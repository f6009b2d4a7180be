import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Durable, TaskContext, TaskQueue } from 'nestjs-tasks';
import { RunJournal } from './run-journal.js';

/** What one run does. */
export type Step =
  /** Takes so many milliseconds. */
  | { readonly ms: number }
  /** The same, and does not listen when it is asked to stop. */
  | { readonly stubborn: number }
  /** Fails with the message. */
  | { readonly fail: string }
  /** Blocks the event loop for so many milliseconds. */
  | { readonly block: number }
  /** Goes on until the file is there. */
  | { readonly until: string }
  /** Adds an execution with that key, and dies by SIGKILL as soon as that was acknowledged. */
  | { readonly addAndDie: string }
  | { readonly die: 'by SIGKILL' | 'by process.exit()' | 'by an unhandled rejection' };

/** Tasks that do what their arguments say, and write it down: the first run the first step, the last step ever after. */
@Injectable()
export class FaultTasks {
  constructor(
    private readonly context: TaskContext,
    private readonly journal: RunJournal,
    private readonly queue: TaskQueue,
  ) {}

  /** @returns the process that has done it. */
  @Durable('work')
  work(...steps: Step[]): Promise<number> {
    return this.play(steps);
  }

  @Durable('shielded', { shield: true })
  shielded(...steps: Step[]): Promise<number> {
    return this.play(steps);
  }

  private async play(steps: Step[]): Promise<number> {
    const { key, attempt, signal } = this.context;
    const step = steps[Math.min(this.journal.runs(key).length, steps.length - 1)] ?? { ms: 0 };
    const end = this.journal.begin(key, attempt);
    try {
      await this.perform(step, signal);
      end();
      return process.pid;
    } catch (error) {
      if (!signal.aborted) {
        end(String(error));
        throw error;
      }
      const { name, reason } = signal.reason as { name: string; reason?: unknown };
      end(`${name}: ${reason instanceof Error ? reason.name : String(reason)}`);
      throw error;
    }
  }

  private async perform(step: Step, signal: AbortSignal): Promise<void> {
    if ('ms' in step) await sleep(step.ms, undefined, { signal });
    else if ('stubborn' in step) await sleep(step.stubborn);
    else if ('fail' in step) throw new Error(step.fail);
    else if ('block' in step) block(step.block);
    else if ('until' in step) while (!existsSync(step.until)) await sleep(10, undefined, { signal });
    else if ('addAndDie' in step) {
      await this.queue.add(this.work, { key: step.addAndDie })({ ms: 0 });
      await this.die('by SIGKILL');
    } else await this.die(step.die);
  }

  private async die(how: 'by SIGKILL' | 'by process.exit()' | 'by an unhandled rejection'): Promise<void> {
    this.journal.beginDeath();
    if (how === 'by SIGKILL') process.kill(process.pid, 'SIGKILL');
    else if (how === 'by process.exit()') process.exit(1);
    else void Promise.reject(new Error('nobody handles this'));
    await sleep(60_000);
  }
}

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
