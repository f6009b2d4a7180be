/**
 * Makes the package of what `tsc` has written to build/: an ES module and a CommonJS half in dist/, each with its
 * declarations. TypeScript 7 has no compiler API, so the bundler gets JavaScript, with the decorators' metadata in it.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { minifySync } from 'rolldown/utils';

const ROOT = join(import.meta.dirname, '..');
const BUILD = join(ROOT, 'build');
const DIST = join(ROOT, 'dist');

const ENTRIES = ['index', 'dashboard/index', 'outbox/index', 'testing/index'];
/** Program of the package, in the ES module half alone. */
const PROGRAM = 'cli/main';
/** Folders whose code an application loads with their entry alone. */
const APART = ['cli', 'dashboard', 'operations', 'outbox', 'testing'].map((folder) => join(BUILD, folder));
const OPERATIONS = join(BUILD, 'operations');
const PACKAGES = join(ROOT, 'node_modules');
/** Modules that are needed before the library is. */
const BASE = new Set(['package/build.js', 'task/log-text.js'].map((file) => join(BUILD, file)));
/** Chunks that an application loads. */
const SHARED = new Set(['base', 'core', 'operations', 'rolldown-runtime']);
const { version, dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const require = createRequire(import.meta.url);

/** Whether every Node.js that the package supports can `require()` it, also in Jest, which loads no ES modules so. */
function isCommonJs(name) {
  const file = require.resolve(name);
  if (file.endsWith('.cjs')) return true;
  if (file.endsWith('.mjs')) return false;
  let folder = dirname(file);
  for (;;) {
    try {
      return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type !== 'module';
    } catch {
      folder = dirname(folder);
    }
  }
}

const nameOf = (specifier) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Nest is the application's, whatever its format. A dependency that is only an ES module goes into the CommonJS half. */
function isExternal(specifier, format) {
  if (isBuiltin(specifier)) return true;
  const name = nameOf(specifier);
  if (name in peerDependencies) return true;
  return name in dependencies && (format === 'esm' || isCommonJs(name));
}

async function bundle(format, dir, entries) {
  const hasProgram = entries.includes(PROGRAM);
  const half = await rolldown({
    cwd: BUILD,
    input: Object.fromEntries(entries.map((entry) => [entry, `./${entry}.js`])),
    platform: 'node',
    external: (specifier) => !/^[./]/.test(specifier) && isExternal(specifier, format),
    transform: {
      define: { NESTJS_TASKS_FORMAT: JSON.stringify(format), NESTJS_TASKS_VERSION: JSON.stringify(version) },
    },
    // A warning is a failure: an unresolved import, an `eval`, a cycle of chunks.
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await half.write({
    dir,
    format,
    strict: true,
    esModule: true,
    // Logs, errors and Nest's messages show the names of classes and functions.
    keepNames: true,
    // The doc comments are in the declarations.
    comments: { jsdoc: false, annotation: true, legal: true },
    // The commands are chunks of their own, which the program loads when they are called.
    chunkFileNames: ({ name }) => (SHARED.has(name) ? '[name].js' : 'cli/[name].js'),
    codeSplitting: {
      groups: [
        // The program prints its help without the rest of the library, and without Nest.
        ...(hasProgram ? [{ name: 'base', priority: 2, test: (id) => BASE.has(id) }] : []),
        ...(hasProgram ? [{ name: 'operations', test: (id) => id.startsWith(OPERATIONS) }] : []),
        {
          name: 'core',
          priority: 1,
          // Of the packages, the ES module half bundles those of the program alone.
          test: (id) =>
            id !== join(BUILD, 'index.js') &&
            !APART.some((folder) => id.startsWith(folder)) &&
            !(hasProgram && id.startsWith(PACKAGES)),
        },
      ],
    },
  });
  await half.close();
  return output;
}

/** The declarations that the entries lead to; those of the other files have no reader. */
function declarations() {
  const found = new Set();
  const follow = (file) => {
    if (found.has(file)) return;
    found.add(file);
    const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, specifier] of text.matchAll(/(?:from |import\(|import )['"](\.[^'"]+)\.js['"]/g)) {
      follow(resolve(dirname(file), `${specifier}.d.ts`));
    }
  };
  for (const entry of ENTRIES) follow(join(BUILD, `${entry}.d.ts`));
  return [...found];
}

/** Licences of the packages that are bundled into the program. */
function licences(output) {
  const ids = output.flatMap(({ moduleIds = [] }) => moduleIds).filter((id) => id.startsWith(PACKAGES));
  const names = [...new Set(ids.map((id) => nameOf(relative(PACKAGES, id).replaceAll('\\', '/'))))].toSorted();
  return names.map((name) => {
    const folder = join(PACKAGES, name);
    const found = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (found === undefined) throw new Error(`${name} is bundled, and has no file with its licence.`);
    const { version: bundled } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return `${name} ${bundled}\n\n${readFileSync(join(folder, found), 'utf8').trim()}\n`;
  });
}

/** Makes the program smaller: it is in every install, and its packages are half of it. Names stay, for errors. */
function minifyProgram() {
  const folder = dirname(join(DIST, PROGRAM));
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.js'))) {
    const file = join(folder, name);
    const options = { module: true, compress: true, mangle: { keepNames: true } };
    const { code, errors } = minifySync(name, readFileSync(file, 'utf8'), options);
    if (errors.length > 0) throw new Error(`${file} cannot be made smaller: ${errors[0].message}`);
    writeFileSync(file, code);
  }
}

function copy(file, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(file, to);
}

const COMMONJS = join(DIST, 'cjs');
const esm = await bundle('esm', DIST, [...ENTRIES, PROGRAM]);
await bundle('cjs', COMMONJS, ENTRIES);
minifyProgram();
chmodSync(join(DIST, `${PROGRAM}.js`), 0o755);
writeFileSync(join(DIST, 'cli/LICENSES.txt'), licences(esm).join(`\n${'-'.repeat(80)}\n\n`));
writeFileSync(join(COMMONJS, 'package.json'), '{ "type": "commonjs" }\n');
for (const file of declarations()) {
  for (const folder of [DIST, COMMONJS]) copy(file, join(folder, relative(BUILD, file)));
}
// One for both halves: it runs in a thread of its own.
copy(join(BUILD, 'threads/thread-entry.mjs'), join(DIST, 'thread-entry.mjs'));
