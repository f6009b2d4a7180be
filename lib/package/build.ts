declare const NESTJS_TASKS_FORMAT: PackageFormat | undefined;
declare const NESTJS_TASKS_VERSION: string | undefined;

/** Format of the package's code: `source` where a test runs lib/ itself. */
export type PackageFormat = 'esm' | 'cjs' | 'source';

// The bundler writes the values in place of the names, which are declared nowhere in lib/.
export const FORMAT: PackageFormat = typeof NESTJS_TASKS_FORMAT === 'undefined' ? 'source' : NESTJS_TASKS_FORMAT;
export const VERSION: string = typeof NESTJS_TASKS_VERSION === 'undefined' ? '0.0.0' : NESTJS_TASKS_VERSION;
