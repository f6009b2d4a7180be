import {
  decoratorName,
  readBehaviours,
  type Behaviour,
  type LoggedOptions,
} from '../../decorators/behaviour-metadata.js';
import type { AnyFunction } from '../../scheduler/provider-classes.js';
import { TasksConfigError } from '../../task/task-errors.js';
import { badRegistration } from '../broker/queue-errors.js';
import { declareLimit, type LimitDeclaration } from './limit-declarations.js';
import { LoggedCall } from './logged-call.js';
import { Parameters } from './parameters.js';
import { PerpetualPolicy } from './perpetual-policy.js';

/** How a durable task behaves beyond being run: what its decorators say, after checks and defaults. */
export interface Behaviours {
  readonly parameters: Parameters;
  readonly perpetual: PerpetualPolicy | undefined;
  /** What an execution has to pass before each of its runs. */
  readonly limits: readonly LimitDeclaration[];
  readonly call: LoggedCall;
}

/** A method, and the prototype that declares it. */
export interface DeclaredMethod {
  readonly name: string;
  readonly func: AnyFunction;
  readonly prototype: object;
}

/** Whether a method is durable without saying so. */
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
    `${place} has @${decoratorName(behaviour)}(), which is for durable tasks. Put @Durable() on the method.`,
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
    throw badRegistration(`Task '${task}' has two @Debounce(): which of its executions is the last? Keep one.`);
  }
  return {
    parameters,
    perpetual: perpetualOf(behaviours, task, parameters),
    limits,
    call: new LoggedCall(task, parameters, logged),
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
    throw badRegistration(`Task '${task}' has two @Perpetual(): it has one chain of runs. Keep one.`);
  }
  const policy = PerpetualPolicy.of(first.options, `@Perpetual() on task '${task}'`);
  const { required } = parameters;
  if (policy.isAutomatic && required.length > 0) {
    throw badRegistration(
      `Task '${task}' is @Perpetual({ automatic: true }), but its parameter '${required[0]}' has no default value: the queue adds it without arguments. Give it one, or add the task yourself.`,
    );
  }
  return policy;
}
