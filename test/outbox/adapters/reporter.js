import { inspect } from 'node:util';

/** Reports failures, and the counts in the last line. */
export default async function* report(events) {
  let passed = 0;
  let failed = 0;
  const suites = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') suites.splice(data.nesting, Infinity, data.name);
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const isTest = data.details.type !== 'suite';
    if (type === 'test:pass') {
      if (isTest && data.skip === undefined) passed += 1;
      continue;
    }
    const { error } = data.details;
    // A suite fails with its tests, which say why.
    if (error.failureType === 'subtestsFailed') continue;
    failed += 1;
    yield `FAILED ${[...suites.slice(0, data.nesting), data.name].join(' > ')}\n${inspect(error.cause ?? error)}\n\n`;
  }
  yield `${passed} passed, ${failed} failed\n`;
}
