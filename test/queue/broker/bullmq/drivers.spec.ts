import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';

import { loadDriver } from '../../../../lib/queue/broker/bullmq/drivers.js';
import { ageProblem, findPackage } from '../../../../lib/package/optional-package.js';
import { requires } from '../../../../lib/package/places.js';
import { usageError } from '../../../support/usage-error.js';

const PACKAGES = ['bullmq', 'ioredis'];

const folder = mkdtempSync(join(tmpdir(), 'nestjs-tasks-drivers-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Puts a package in reach of the working directory. */
async function withPackage(name: string, version: string, body: () => void | Promise<void>): Promise<void> {
  const home = join(folder, 'node_modules', name);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name, version, exports: './index.js' }));
  writeFileSync(join(home, 'index.js'), 'exports.is = "there";');
  const before = process.cwd();
  process.chdir(folder);
  try {
    await body();
  } finally {
    process.chdir(before);
  }
}

describe('drivers', () => {
  it('that are not installed are named, with the command that installs them', () => {
    const load = () => loadDriver('not-installed' as never, ['bullmq', 'not-installed']);
    expect(load).toThrow(usageError('DRIVER_MISSING'));
    expect(load).toThrow(
      'The queue needs the package not-installed, which is not installed. Install it: npm install bullmq not-installed. A bundled application marks it as external, and ships its node_modules.',
    );
  });

  it('that are there but broken fail with their own error', () => {
    const broken = join(import.meta.dirname, '../../../telemetry/broken.cjs');
    expect(() => loadDriver(broken as never, PACKAGES)).toThrow(/no-such-dependency/);
  });

  it('are found from the working directory, where a bundle lies elsewhere', async () => {
    await withPackage('only-beside-the-bundle', '1.0.0', () => {
      expect(findPackage('only-beside-the-bundle', requires(true))).toEqual({ found: { is: 'there' } });
      expect(findPackage('only-beside-the-bundle')).toMatchObject({ problem: { what: ', which is not installed' } });
    });
  });
});

describe('versions of optional packages', () => {
  it.each([
    ['bullmq', '6.3.3'],
    ['bullmq', '6.3.10'],
    ['bullmq', '6.4.0'],
    ['bullmq', '7.0.0'],
    ['ioredis', '5.4.0'],
    ['pg', '8.11.0'],
    ['piscina', '5.1.0'],
    ['@opentelemetry/api', '1.9.0'],
    ['class-transformer', '0.4.1'],
    ['any-other', '0.0.1'],
  ])('%s may be %s', (name, version) => {
    expect(ageProblem(name, version)).toBeUndefined();
  });

  it.each([
    ['bullmq', '5.81.2', '6.3.3'],
    ['bullmq', '6.2.9', '6.3.3'],
    ['bullmq', '6.3.2', '6.3.3'],
    ['bullmq', '6.3', '6.3.3'],
    ['ioredis', '4.28.5', '5.4.0'],
    ['pg', '8.10.9', '8.11.0'],
    ['piscina', '4.9.2', '5.1.0'],
    ['@opentelemetry/api', '1.8.0', '1.9.0'],
    ['class-transformer', '0.3.1', '0.4.1'],
  ])('%s may not be %s', (name, version, oldest) => {
    expect(ageProblem(name, version)).toEqual({
      what: ` in version ${oldest} or later, and has ${version}`,
      install: `${name}@latest`,
      isTooOld: true,
    });
  });
});
