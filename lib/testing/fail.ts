import { AssertionError } from 'node:assert';

/**
 * Fails the test.
 *
 * @param caller left out of the stack with its callees, so that the stack begins in the test.
 */
export function fail(message: string, caller: (...args: never[]) => unknown = fail): never {
  // Operator of assert.fail(): with others, Jest shows the difference of `actual` and `expected`, not the message.
  throw new AssertionError({ message, operator: 'fail', stackStartFn: caller });
}
