import { countText, durationText } from '../queue/broker/duration-text.js';
import type { DurableRegistry, DurableTask } from '../queue/declaration/durable-registry.js';
import { PerpetualPolicy } from '../queue/declaration/perpetual-policy.js';

/** Knowledge that this process has of tasks. Of those that only other processes declare there is none. */
export class DeclaredTasks {
  constructor(private readonly registry: Pick<DurableRegistry, 'find' | 'names'>) {}

  get names(): readonly string[] {
    return this.registry.names;
  }

  /** Names of tasks that schedule themselves again. */
  get perpetual(): readonly string[] {
    return this.names.filter((name) => this.registry.find(name)?.perpetual !== undefined);
  }

  isDeclared(task: string): boolean {
    return this.registry.find(task) !== undefined;
  }

  /** Renders a call with the arguments that `@Logged()` shows. Nothing for an unknown task. */
  callOf(task: string, args: () => readonly unknown[]): string | undefined {
    try {
      return this.registry.find(task)?.call.render(args());
    } catch {
      return undefined; // arguments that cannot be read
    }
  }

  /** Tells if the value of a parameter may be shown. */
  shows(task: string, parameter: string): boolean {
    return this.registry.find(task)?.call.shows(parameter) === true;
  }

  /** Schedule in words, such as `every 1m`. */
  scheduleOf(task: string): string | undefined {
    return scheduleText(this.registry.find(task)?.perpetual?.schedule);
  }

  /** Behaviours in force, in words. */
  behavioursOf(task: string): readonly string[] {
    const declared = this.registry.find(task);
    return declared === undefined ? [] : behavioursOf(declared);
  }
}

/** Renders a schedule as it is stored with a chain: `every 60000`, `cron 0 3 * * * Europe/Berlin`. */
export function scheduleText(schedule: string | undefined): string | undefined {
  if (schedule === undefined) return undefined;
  const every = PerpetualPolicy.read(schedule)?.every;
  if (every !== undefined) return `every ${durationText(every)}`;
  return schedule === 'every 0' ? 'again at once' : schedule.replace(/^cron /, '');
}

function behavioursOf({ config, retry, perpetual, texts }: DurableTask): string[] {
  const schedule = scheduleText(perpetual?.schedule);
  const { attempts } = retry;
  return [
    ...(schedule === undefined ? [] : [`${schedule}${perpetual?.isAutomatic === true ? ', automatic' : ''}`]),
    ...texts,
    ...(attempts > 1
      ? [attempts === Infinity ? 'retries without limit' : `up to ${countText(attempts, 'attempt')}`]
      : []),
    ...(config.timeout === undefined ? [] : [`${durationText(config.timeout)} for an attempt`]),
    ...(config.shield ? ['shielded from shutdown'] : []),
  ];
}
