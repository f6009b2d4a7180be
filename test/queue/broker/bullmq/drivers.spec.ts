import { describe, expect, it } from '@jest/globals';

import { checkBullMq, loadDriver } from '../../../../lib/queue/broker/bullmq/drivers.js';
import { usageError } from '../../../support/usage-error.js';

const PACKAGES = ['bullmq', 'ioredis'];

describe('drivers', () => {
  it('that are not installed are named, with the command that installs them', () => {
    const load = () => loadDriver('not-installed' as never, ['bullmq', 'not-installed']);
    expect(load).toThrow(usageError('DRIVER_MISSING'));
    expect(load).toThrow(
      'The queue needs the package not-installed, which is not installed. Install it: npm install bullmq not-installed',
    );
  });

  it('that are there but broken fail with their own error', () => {
    expect(() => loadDriver('./no-such-file.js' as never, PACKAGES)).toThrow(/no-such-file/);
  });

  it.each(['6.3.3', '6.3.10', '6.4.0', '7.0.0'])('may be BullMQ %s', (version) => {
    expect(() => checkBullMq(version, PACKAGES)).not.toThrow();
  });

  it.each(['5.81.2', '6.2.9', '6.3.2', '6.3'])(
    'may not be BullMQ %s, whose workers go deaf after an outage',
    (version) => {
      expect(() => checkBullMq(version, PACKAGES)).toThrow(
        `The queue needs the package bullmq 6.3.3 or later, and ${version} is installed. Install it: npm install bullmq@latest ioredis`,
      );
    },
  );
});
