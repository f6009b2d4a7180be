import { createRequire } from 'node:module';
import { join } from 'node:path';

/** URL of this file, or of the bundle that holds it. */
export function ownUrl(): string | undefined {
  try {
    return import.meta.url as string | undefined; // undefined in CommonJS bundles of the ES module
  } catch {
    return undefined; // `__filename`, as the CommonJS half says it, in ES module bundles
  }
}

/**
 * Places to look for a package from: this code first, then the program and its working directory. A bundle may have been
 * moved away from its node_modules, and some bundlers put the path at build time in place of `import.meta.url`.
 */
export function requires(): NodeJS.Require[] {
  const places = [ownUrl(), process.argv[1], join(process.cwd(), 'package.json')];
  return places.flatMap((place) => {
    try {
      return place === undefined || place === '' ? [] : [createRequire(place)];
    } catch {
      return []; // a relative path, or a URL of no file
    }
  });
}
