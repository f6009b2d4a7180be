import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { threadEntryFile } from '../../lib/threads/thread-entry-file.js';
import { usageError } from '../support/usage-error.js';

describe('threadEntryFile()', () => {
  it('lies beside the code', () => {
    expect(existsSync(threadEntryFile())).toBe(true);
  });

  it.each([
    ['no URL', ''],
    ['a URL of a bundle', 'file:///no/bundle.js'],
    ['no file', 'webpack://app/index.js'],
  ])('is refused, with the remedy, where the code is at %s and the package out of reach', (_, own) => {
    const find = () => threadEntryFile(own, []);
    expect(find).toThrow(usageError('PACKAGE_MISSING'));
    expect(find).toThrow(/Mark nestjs-tasks as external in the bundler, or copy node_modules\/nestjs-tasks\/dist/);
  });
});
