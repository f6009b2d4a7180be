import {
  decoratorName,
  readBehaviours,
  type Behaviour,
  type LoggedOptions,
} from '../../decorators/behaviour-metadata.js';
import type { AnyFunction } from '../../scheduler/provider-classes.js';
import { TasksConfigError } from '../../task/task-errors.js';
import { badRegistration } from '../broker/queue-errors.js';
import { behaviourText } from './behaviour-text.js';
import { declareLimit, type LimitDeclaration } from './limit-declarations.js';
import { LoggedCall } from './logged-call.js';
import { Parameters } from './parameters.js';
import { PerpetualPolicy } from './perpetual-policy.js';

/** Behaviours of a durable task: its decorators, after checks and defaults. */
export interface Behaviours {
  readonly parameters: Parameters;
  readonly perpetual: PerpetualPolicy | undefined;
  /** Limits that an execution has to pass before each of its runs. */
  readonly limits: readonly LimitDeclaration[];
  readonly call: LoggedCall;
  /** Limits in words for operators. */
  readonly texts: readonly string[];
}

/** Method, and the prototype that declares it. */
export interface DeclaredMethod {
  readonly name: string;
  readonly func: AnyFunction;
  readonly prototype: object;
}

/** Tells whether a method is durable without `@Durable()`. */
export function isPerpetual({ prototype, name }: DeclaredMethod): boolean {
  return readBehaviours(prototype, name).some(({ type }) => type === 'perpetual');
}

/**
 * @throws {TasksUsageError} `TASK_REGISTRATION` when a method that is not durable has behaviours: nobody would heed
 * them.
 */
export function checkPlain({ prototype, name }: DeclaredMethod, place: string): void {
  const [behaviour] = readBehaviours(prototype, name);
  if (behaviour === undefined) return;
  throw badRegistration(
    `${place} has @${decoratorName(behaviour)}(), which needs a durable task. Put @Durable() on the method.`,
  );
}

/**
 * @throws {TasksConfigError} {@link TasksUsageError} `TASK_REGISTRATION` naming the task and the parameter.
 */
export function behavioursOf({ prototype, name: method, func }: DeclaredMethod, task: string): Behaviours {
  const behaviours = readBehaviours(prototype, method);
  const parameters = new Parameters(func, {
    names: namesOf(behaviours, task),
    types: Reflect.getMetadata('design:paramtypes', prototype, method) as unknown[] | undefined,
  });
  const limits: LimitDeclaration[] = [];
  const logged = new Map<number, LoggedOptions>();
  for (const behaviour of behaviours) {
    switch (behaviour.type) {
      case 'concurrencyLimit':
      case 'rateLimit':
      case 'cooldown':
      case 'debounce':
        limits.push(declareLimit(behaviour, task, parameters));
        break;
      case 'logged':
        logged.set(behaviour.parameter ?? -1, behaviour.options);
        break;
      default:
    }
  }
  if (behaviours.filter(({ type }) => type === 'debounce').length > 1) {
    throw badRegistration(`Task '${task}' has two @Debounce(). Keep one.`);
  }
  return {
    parameters,
    perpetual: perpetualOf(behaviours, task, parameters),
    limits,
    call: new LoggedCall(task, parameters, logged),
    texts: behaviours.flatMap((behaviour) => behaviourText(behaviour, parameters) ?? []),
  };
}

function namesOf(behaviours: readonly Behaviour[], task: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const { type, parameter, options } of behaviours) {
    if (type !== 'arg' || parameter === undefined) continue;
    const { name } = options;
    if (typeof name !== 'string' || name === '') {
      throw new TasksConfigError(
        `@Arg() on parameter #${parameter + 1} of task '${task}'`,
        name,
        'a string that is not empty',
      );
    }
    names.set(parameter, name);
  }
  return names;
}

function perpetualOf(
  behaviours: readonly Behaviour[],
  task: string,
  parameters: Parameters,
): PerpetualPolicy | undefined {
  const [first, second] = behaviours.filter((behaviour) => behaviour.type === 'perpetual');
  if (first === undefined) return undefined;
  if (second !== undefined) {
    throw badRegistration(`Task '${task}' has two @Perpetual(). Keep one.`);
  }
  const policy = PerpetualPolicy.of(first.options, `@Perpetual() on task '${task}'`);
  const { required } = parameters;
  if (policy.isAutomatic && required.length > 0) {
    throw badRegistration(
      `Automatic perpetual task '${task}' runs without arguments, but its parameter '${required[0]}' has no default value. Give the parameter a default, or set automatic: false and add the task yourself.`,
    );
  }
  return policy;
}
