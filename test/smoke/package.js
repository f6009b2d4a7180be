import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runWell } from './command.js';

const ROOT = join(import.meta.dirname, '..', '..');

/** Builds the library and packs it into `folder`, as a tarball and unpacked. */
export async function pack(folder) {
  await runWell('npm', ['pack', '--pack-destination', folder], ROOT);
  const name = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  const unpacked = join(folder, 'unpacked');
  await mkdir(unpacked);
  await runWell('tar', ['-xzf', name, '-C', unpacked, '--strip-components=1'], folder);
  return { tarball: join(folder, name), unpacked };
}

export async function checkPackage(report, unpacked) {
  // Lua and SQL lie in the package within the modules that are generated from them.
  const sources = (await list(join(ROOT, 'lib'))).filter((file) => /\.[jt]s$/.test(file));

  await report.check('the package holds the compiled library and its documents, and nothing else', async () => {
    const compiled = sources.flatMap((source) => [source.replace(/[jt]s$/, 'd.ts'), source.replace(/ts$/, 'js')]);
    const expected = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
      ...compiled.map((file) => `dist/${file}`),
    ];
    assert.deepEqual((await list(unpacked)).toSorted(), expected.toSorted());
  });

  await report.check('the declarations hide what is internal', async () => {
    const leaks = [];
    let hidden = 0;
    for (const source of sources.filter((file) => file.endsWith('.ts'))) {
      const declaration = await readFile(join(unpacked, 'dist', source.replace(/ts$/, 'd.ts')), 'utf8');
      const declared = classesOf(declaration.replace(/\/\*[\s\S]*?\*\//g, ''));
      for (const [name, body] of classesOf(await readFile(join(ROOT, 'lib', source), 'utf8'))) {
        const internal = internalMembers(body);
        const leaked = internal.filter((member) => declares(declared.get(name) ?? '', member));
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
