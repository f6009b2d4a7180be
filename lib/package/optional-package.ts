import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { requires } from './places.js';

/** Oldest release of each optional package that works. The peer ranges are open, so that none of them stops an install. */
const OLDEST: Readonly<Record<string, string>> = {
  '@nestjs-cls/transactional': '2.7.0',
  '@opentelemetry/api': '1.9.0',
  'class-transformer': '0.4.1',
  'drizzle-orm': '0.29.0',
  // Its workers hear of new jobs again after an outage.
  bullmq: '6.3.3',
  ioredis: '5.4.0',
  pg: '8.11.0',
  piscina: '5.1.0',
};

/** Problem of a package, and the name with which npm installs one that works. */
export interface PackageProblem {
  /** Continues a sentence after the package's name, such as `, which is not installed`. */
  readonly what: string;
  readonly install: string;
  readonly isTooOld: boolean;
  readonly cause?: unknown;
}

export type PackageSearch<T> = { readonly found: T } | { readonly problem: PackageProblem };

/**
 * Loads a package that the application may have. Synchronous, unlike `import()`: a task is scheduled, and refused, at
 * once. Hidden from bundlers, to which an optional package would be a broken import.
 *
 * @throws the package's own error where it is installed and broken.
 */
export function findPackage<T>(name: string, from = requires()): PackageSearch<T> {
  let missing: unknown;
  for (const load of from) {
    try {
      const found = load(name) as T;
      const problem = ageProblem(name, versionOf(load, name));
      return problem === undefined ? { found } : { problem };
    } catch (error) {
      if (!isMissing(error, name)) throw error;
      missing ??= error;
    }
  }
  return { problem: { what: ', which is not installed', install: name, isTooOld: false, cause: missing } };
}

/** Tells a version that is too old. */
export function ageProblem(name: string, version: string | undefined): PackageProblem | undefined {
  const oldest = OLDEST[name];
  if (oldest === undefined || version === undefined || isAtLeast(version, oldest)) return undefined;
  return { what: ` in version ${oldest} or later, and has ${version}`, install: `${name}@latest`, isTooOld: true };
}

function isAtLeast(version: string, oldest: string): boolean {
  const numbers = version.split('.').map(Number);
  const least = oldest.split('.').map(Number);
  const differing = least.findIndex((number, at) => numbers[at] !== number);
  return differing === -1 || (numbers[differing] ?? 0) > (least[differing] ?? 0);
}

/** Not by `require('name/package.json')`, which the exports of some packages hide. */
function versionOf(load: NodeJS.Require, name: string): string | undefined {
  let folder = dirname(load.resolve(name));
  for (let parent = dirname(folder); parent !== folder; [folder, parent] = [parent, dirname(parent)]) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (found.name === name) return found.version;
    } catch {
      // No package.json here.
    }
  }
  return undefined;
}

function isMissing(error: unknown, name: string): boolean {
  // Yarn's Plug'n'Play words it otherwise, and has the name beside.
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: { request?: unknown } };
  return code === 'MODULE_NOT_FOUND' && (String(message).includes(`'${name}'`) || data?.request === name);
}
