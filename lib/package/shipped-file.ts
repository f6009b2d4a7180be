import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownUrl, requires } from './places.js';

/** File or folder that the package ships beside its code. */
export interface ShippedFile {
  /** Paths of it, seen from this file in the sources, and from the code of both formats. */
  readonly beside: readonly string[];
  /** Path of it in the package. */
  readonly inPackage: string;
  /** File in a folder, by which the folder is known. */
  readonly probe?: string;
}

/**
 * Finds what the package ships. A bundle of the application does not hold it: then that of the installed package does as
 * well.
 *
 * @returns nothing where it is in neither place.
 */
export function findShipped(
  { beside, inPackage, probe = '' }: ShippedFile,
  own = ownUrl(),
  from = requires(),
): string | undefined {
  const paths = [
    ...(own?.startsWith('file:') === true ? beside.map((path) => fileURLToPath(new URL(path, own))) : []),
    ...from.flatMap((load) => {
      try {
        return [join(dirname(load.resolve('nestjs-tasks/package.json')), inPackage)];
      } catch {
        return []; // out of reach from there
      }
    }),
  ];
  return paths.find((path) => existsSync(join(path, probe)));
}
