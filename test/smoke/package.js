import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { checkPackage as checkTypes, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { runWell } from './command.js';

const require = createRequire(import.meta.url);

const ROOT = join(import.meta.dirname, '..', '..');

/** Files of the dashboard's page. */
const PAGE = ['index.html', ...['app.js', 'app.css', 'icon.svg', 'licences.txt'].map((name) => `assets/${name}`)];

/** Builds the library and packs it into `folder`, as a tarball and unpacked. */
export async function pack(folder) {
  await runWell('npm', ['pack', '--pack-destination', folder], ROOT);
  const name = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  const unpacked = join(folder, 'unpacked');
  await mkdir(unpacked);
  await runWell('tar', ['-xzf', name, '-C', unpacked, '--strip-components=1'], folder);
  return { tarball: join(folder, name), unpacked };
}

export async function checkPackage(report, { tarball, unpacked }) {
  const sources = (await list(join(ROOT, 'lib'))).filter((file) => file.endsWith('.ts'));
  const files = await list(unpacked);
  const declared = files.filter((file) => file.startsWith('dist/') && file.endsWith('.d.ts'));

  await report.check(
    'the package holds both formats, the program, declarations and documents, and nothing else',
    () => {
      const ofModule = declared.filter((file) => !file.startsWith('dist/cjs/'));
      const program = files.filter((file) => /^dist\/cli\/[\w-]+\.js$/.test(file));
      const compiled = new Set(sources.map((source) => `dist/${source.replace(/ts$/, 'd.ts')}`));
      assert.deepEqual(
        ofModule.filter((file) => !compiled.has(file)),
        [],
      );
      assert.deepEqual(
        files.toSorted(),
        [
          'CHANGELOG.md',
          'LICENSE',
          'README.md',
          'package.json',
          'dist/thread-entry.mjs',
          'dist/base.js',
          'dist/operations.js',
          ...program,
          ...PAGE.map((file) => `dist/dashboard/page/${file}`),
          'dist/cjs/package.json',
          'dist/cli/LICENSES.txt',
          ...['index', 'core', 'dashboard/index', 'outbox/index', 'testing/index', 'rolldown-runtime'].flatMap(
            (file) => [`dist/${file}.js`, `dist/cjs/${file}.js`],
          ),
          ...ofModule.flatMap((file) => [file, file.replace('dist/', 'dist/cjs/')]),
        ].toSorted(),
      );
    },
  );

  await report.check('an application without the dashboard loads nothing of it', async () => {
    for (const file of ['dist/index.js', 'dist/core.js', 'dist/cjs/index.js', 'dist/cjs/core.js']) {
      assert.doesNotMatch(await readFile(join(unpacked, file), 'utf8'), /Dashboard|FleetViews/, file);
    }
    assert.match(await readFile(join(unpacked, 'dist/cjs/dashboard/index.js'), 'utf8'), /FleetViews/);
    assert.match(await readFile(join(unpacked, 'dist/operations.js'), 'utf8'), /FleetViews/);
  });

  await report.check('both formats export the same', async () => {
    for (const entry of ['index', 'dashboard/index', 'outbox/index', 'testing/index']) {
      const esm = Object.keys(await import(join(ROOT, 'dist', `${entry}.js`)));
      const cjs = Object.keys(require(join(ROOT, 'dist/cjs', `${entry}.js`)));
      assert.deepEqual(cjs.toSorted(), esm.toSorted());
      assert.ok(esm.length > 0);
    }
  });

  await report.check('publint, strict, has nothing to say', async () => {
    const { messages } = await publint({ pkgDir: unpacked, strict: true });
    assert.deepEqual(messages, []);
  });

  await report.check('the types are right for every way to resolve them', async () => {
    const { problems } = await checkTypes(createPackageFromTarballData(await readFile(tarball)));
    assert.deepEqual(problems, []);
  });

  await report.check('the declarations hide what is internal', async () => {
    const leaks = [];
    let hidden = 0;
    for (const file of declared.filter((name) => !name.startsWith('dist/cjs/'))) {
      const source = file.replace('dist/', '').replace(/d\.ts$/, 'ts');
      const declaration = await readFile(join(unpacked, file), 'utf8');
      const members = classesOf(declaration.replace(/\/\*[\s\S]*?\*\//g, ''));
      for (const [name, body] of classesOf(await readFile(join(ROOT, 'lib', source), 'utf8'))) {
        const internal = internalMembers(body);
        const leaked = internal.filter((member) => declares(members.get(name) ?? '', member));
        leaks.push(...leaked.map((member) => `${name}.${member}`));
        hidden += internal.length;
      }
    }
    assert.deepEqual(leaks, []);
    assert.ok(hidden > 0, 'no @internal members were found in lib/');
  });
}

async function list(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
}

/** The classes of a file, each with its text. */
function classesOf(source) {
  const classes = source.matchAll(/^(?:export )?(?:declare )?(?:abstract )?class (\w+)[\s\S]*?^}/gm);
  return new Map([...classes].map(([text, name]) => [name, text]));
}

/** The members whose comment says `@internal`. */
function internalMembers(text) {
  const members = text.matchAll(
    /@internal\s*\*\/\s*(?:(?:private|protected|public|static|abstract|override|readonly|async|get|set)\s+)*(\w+)/g,
  );
  return [...members].map(([, name]) => name);
}

function declares(text, member) {
  return new RegExp(`^\\s+(?:\\w+ )*${member}\\b\\s*[(:?;<]`, 'm').test(text);
}
