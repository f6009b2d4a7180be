import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { join } from 'node:path';
import { FORMAT } from './build.js';

/** Read so that webpack does not see it: from 5.113 on it puts `undefined` in place of calls of an imported one. */
const createRequire = Reflect.get(nodeModule, 'createRequire') as typeof nodeModule.createRequire;

/** URL of this file, or of the bundle that holds it. */
export function ownUrl(): string | undefined {
  try {
    return import.meta.url as string | undefined; // undefined in CommonJS bundles of the ES module
  } catch {
    return undefined; // `__filename`, as the CommonJS half says it, in ES module bundles
  }
}

/** Tells this code in a bundle of the application, where the package's other files are not beside it. */
function isBundle(): boolean {
  if (FORMAT === 'source') return false;
  const own = ownUrl();
  if (own?.startsWith('file:') !== true) return true;
  return !['./thread-entry.mjs', '../thread-entry.mjs'].some((path) => existsSync(new URL(path, own)));
}

/**
 * Places to look for a package from. An installed package has what it may use in reach. A bundle may have been moved away
 * from its node_modules, and some bundlers put the path at build time in place of `import.meta.url`: then the program and
 * its working directory are asked, too.
 */
export function requires(isBundled = isBundle()): NodeJS.Require[] {
  const places = isBundled ? [ownUrl(), process.argv[1], join(process.cwd(), 'package.json')] : [ownUrl()];
  return places.flatMap((place) => {
    try {
      return place === undefined || place === '' ? [] : [createRequire(place)];
    } catch {
      return []; // a relative path, or a URL of no file
    }
  });
}
