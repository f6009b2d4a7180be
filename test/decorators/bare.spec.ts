import { describe, expect, it } from '@jest/globals';
import {
  Arg,
  ConcurrencyLimit,
  Cooldown,
  Debounce,
  Durable,
  Logged,
  OnTaskError,
  Perpetual,
  RateLimit,
  Shielded,
  Tasks,
  TasksConfigError,
  type TaskErrorHandler,
} from 'nestjs-tasks';

const methods = { Durable, Perpetual, Shielded, OnTaskError, ConcurrencyLimit, RateLimit, Cooldown, Debounce };
const parameters = { Logged, Arg, Tasks, ConcurrencyLimit, RateLimit, Cooldown, Debounce };
const classes = { Shielded };

/** The compiler refuses them, but in JavaScript, and where something is `any`. */
const asMethodDecorator = (decorator: unknown): MethodDecorator => decorator as MethodDecorator;
const asParameterDecorator = (decorator: unknown): ParameterDecorator => decorator as ParameterDecorator;
const asPropertyDecorator = (decorator: unknown): PropertyDecorator => decorator as PropertyDecorator;

describe('a decorator without parentheses', () => {
  it.each(Object.entries(methods))('is refused on a method: @%s', (name, decorator) => {
    const declare = (): unknown => {
      class Orders {
        @asMethodDecorator(decorator)
        process(): void {}
      }
      return Orders;
    };
    expect(declare).toThrow(TasksConfigError);
    expect(declare).toThrow(`@${name} on process is written without parentheses. Allowed: @${name}()`);
  });

  it.each(Object.entries(parameters))('is refused on a parameter: @%s', (name, decorator) => {
    const declare = (): unknown => {
      class Orders {
        process(@asParameterDecorator(decorator) _id: string): void {}
      }
      return Orders;
    };
    expect(declare).toThrow(`@${name} on process is written without parentheses`);
  });

  it.each(Object.entries(classes))('is refused on a class: @%s', (name, decorator) => {
    const declare = (): unknown => {
      @(decorator as unknown as ClassDecorator)
      class Orders {}
      return Orders;
    };
    expect(declare).toThrow(`@${name} on Orders is written without parentheses`);
  });

  it('is refused on a parameter of a constructor', () => {
    const declare = (): unknown => {
      class Orders {
        constructor(@asParameterDecorator(Tasks) _tasks: unknown) {}
      }
      return Orders;
    };
    expect(declare).toThrow('@Tasks on a constructor is written without parentheses');
  });

  it('is not what a decorator with a class as its argument is', () => {
    class Report implements TaskErrorHandler {
      onTaskError(): void {}
    }
    expect(() => OnTaskError(Report)).not.toThrow();
  });
});

describe('a decorator in the wrong place', () => {
  it.each<[what: string, place: string, declare: () => unknown]>([
    [
      '@Shielded() on charge',
      'on a property',
      () => {
        class Payments {
          @asPropertyDecorator(Shielded())
          charge = (): void => {};
        }
        return Payments;
      },
    ],
    [
      '@OnTaskError() on charge',
      'on a property',
      () => {
        class Payments {
          @asPropertyDecorator(OnTaskError(null))
          charge = (): void => {};
        }
        return Payments;
      },
    ],
    [
      '@Shielded() on charge',
      'on an accessor',
      () => {
        class Payments {
          @Shielded()
          get charge(): () => void {
            return () => {};
          }
        }
        return Payments;
      },
    ],
    [
      '@Shielded() on charge',
      'on a parameter',
      () => {
        class Payments {
          charge(@asParameterDecorator(Shielded()) _id: string): void {}
        }
        return Payments;
      },
    ],
    [
      '@Durable() on charge',
      'on a static method',
      () => {
        class Payments {
          @Durable()
          static charge(): void {}
        }
        return Payments;
      },
    ],
  ])('is refused: %s %s', (what, place, declare) => {
    expect(declare).toThrow(TasksConfigError);
    expect(declare).toThrow(`${what} is ${place}. Allowed: a method`);
  });
});
