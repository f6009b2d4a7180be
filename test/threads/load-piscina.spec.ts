import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';

import { loadPiscina } from '../../lib/threads/load-piscina.js';
import { usageError } from '../support/usage-error.js';

describe('loadPiscina()', () => {
  it('finds it', () => {
    expect(loadPiscina().Piscina).toEqual(expect.any(Function));
  });

  it('says how to install what is missing', () => {
    expect(() => loadPiscina('not-installed')).toThrow(usageError('PACKAGE_MISSING'));
    expect(() => loadPiscina('not-installed')).toThrow(
      'A task with a thread needs the package not-installed, which is not installed. Install it: npm install not-installed',
    );
  });

  it('fails with the own error of what is there but broken', () => {
    expect(() => loadPiscina(join(import.meta.dirname, '../telemetry/broken.cjs'))).toThrow(/no-such-dependency/);
  });
});
