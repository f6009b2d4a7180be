import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';

const DIST = join(import.meta.dirname, '../../dist');

/** Imports that are no calls, in code with and without line breaks. */
const STATIC = /(?:^|;)(?:import|export)(?:[^;"'()=]*?\bfrom)?\s*["']([^"']+)["'](?=;)/gm;

/** Files of dist that a file loads at once, with itself; and the packages that they do. */
function loadedBy(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const follow = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(STATIC)) {
      if (specifier.startsWith('.')) follow(resolve(dirname(file), specifier));
      else if (!specifier.startsWith('node:')) packages.add(specifier);
    }
  };
  follow(join(DIST, entry));
  return { files: [...files].map((file) => relative(DIST, file)).toSorted(), packages: [...packages].toSorted() };
}

describe('the program in the package', () => {
  beforeAll(() => {
    if (!existsSync(join(DIST, 'cli/main.js'))) throw new Error('Build first: npm run build');
  });

  it.each(['index.js', 'dashboard/index.js', 'outbox/index.js', 'testing/index.js'])(
    'is not loaded by %s, and neither is another entry',
    (entry) => {
      const { files } = loadedBy(entry);
      expect(files).toContain('core.js');
      expect(files.filter((file) => file.includes('/'))).toEqual([entry].filter((file) => file.includes('/')));
      expect(files.includes('operations.js')).toBe(entry === 'dashboard/index.js');
    },
  );

  it('prints its help without the library, without Nest and without a driver', () => {
    const { files, packages } = loadedBy('cli/main.js');
    expect(files).toContain('base.js');
    expect(packages).toEqual([]);
    expect(files).not.toContain('core.js');
  });

  it('shares the library with the ES module', () => {
    const { files, packages } = loadedBy('cli/open-queue.js');
    expect(files).toContain('core.js');
    expect(packages).not.toContain('bullmq');
    for (const file of files) {
      if (file !== 'core.js') expect(readFileSync(join(DIST, file), 'utf8')).not.toContain('class BullMqBroker');
    }
  });

  it('is executable, and has the licences of what it holds', () => {
    expect(readFileSync(join(DIST, 'cli/main.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(join(DIST, 'cli/main.js')).mode & 0o111).toBe(0o111);
    const licences = readFileSync(join(DIST, 'cli/LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'cli-progress', 'string-width'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });
});
