import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../lib/queue/broker/bullmq');

/** Numbers that TypeScript and a script share, by their names in TypeScript, with the modules that export them. */
const NUMBERS = { HANDLE_RETENTION: '../../broker.js', LATEST: '../../limit.js', LONGEST_LOOK: './longest-look.js' };

/**
 * A text of a database: a list of parts, which are strings, `{ number }` for a shared number and `{ text }` for another
 * text in its place.
 *
 * @typedef {string | { readonly number: string } | { readonly text: Text }} Part
 * @typedef {{ readonly name: string, readonly file: string, readonly isExported: boolean, parts: readonly Part[] }} Text
 */

/** The databases, with the module that is generated for each. */
export const DATABASES = [
  { folder: 'redis', module: 'redis/lua.generated.ts', language: 'Lua', read: readLua },
  { folder: 'postgres', module: 'postgres/sql.generated.ts', language: 'SQL', read: readSql },
].map((database) => ({ ...database, path: join(ROOT, database.module) }));

/** Returns the texts of a database, those that others use before them. */
export function textsOf({ folder, read }) {
  return read(join(ROOT, folder));
}

/** Returns a text as the server gets it. Shared numbers are 1 in it. */
export function assemble({ parts }) {
  return parts.map((part) => (typeof part === 'string' ? part : part.text ? assemble(part.text) : '1')).join('');
}

/** Returns the module that exports the texts of a database. A text is one line: nobody reads it there. */
export function moduleOf(database) {
  const texts = textsOf(database);
  const numbers = new Set(texts.flatMap(({ parts }) => parts.flatMap((part) => part.number ?? [])));
  return [
    `// Generated from the ${database.language} files of this folder by \`npm run generate\`. Do not edit.`,
    ...[...numbers].toSorted().map((name) => `import { ${name} } from '${NUMBERS[name]}';`),
    ...texts.map((text) => `${text.isExported ? 'export ' : ''}const ${text.name}: string = ${expressionOf(text)};`),
    '',
  ].join('\n');
}

function expressionOf({ parts }) {
  return parts
    .map((part) => (typeof part === 'string' ? JSON.stringify(part) : (part.number ?? part.text.name)))
    .join(' + ');
}

/**
 * Lua: a file is a script, or a part of scripts where its name begins with `_`. `--- @include "_part"` puts a part in that
 * place, once in a script; a part includes others at its beginning.
 */
function readLua(folder) {
  const parts = new Map();
  const scripts = [];
  const use = (path) => {
    if (!parts.has(path)) parts.set(path, { includes: includesOf(path), text: luaText(path) });
    return parts.get(path);
  };
  for (const path of filesOf(folder, '.lua')) {
    if (basename(path).startsWith('_')) use(path);
    else scripts.push({ ...luaText(path), parts: linked(path, use) });
  }
  return [...[...parts.values()].map(({ text }) => text), ...scripts];
}

const INCLUDE = /^--- @include "(.+)"\n/m;

function luaText(path) {
  const name = basename(path, '.lua');
  const source = withoutComments(readFileSync(path, 'utf8').replaceAll(new RegExp(INCLUDE, 'gm'), ''));
  return { name: nameOf(name), file: path, isExported: !name.startsWith('_'), parts: withNumbers(source) };
}

function includesOf(path) {
  return [...readFileSync(path, 'utf8').matchAll(new RegExp(INCLUDE, 'gm'))].map(([, to]) => includedFrom(path, to));
}

function includedFrom(path, to) {
  return resolve(path, '..', `${to}.lua`);
}

function linked(path, use) {
  const included = new Set();
  const include = (part) => {
    if (included.has(part)) return [];
    included.add(part);
    const { includes, text } = use(part);
    return [...includes.flatMap(include), { text }];
  };
  // Every other piece is the name of an included file.
  const pieces = readFileSync(path, 'utf8').split(new RegExp(INCLUDE, 'm'));
  return pieces.flatMap((piece, at) =>
    at % 2 === 0 ? withNumbers(withoutComments(piece)) : include(includedFrom(path, piece)),
  );
}

function withNumbers(source) {
  const pieces = source.split(new RegExp(`\\b(${Object.keys(NUMBERS).join('|')})\\b`));
  return pieces.map((piece, at) => (at % 2 === 0 ? piece : { number: piece })).filter((part) => part !== '');
}

/**
 * SQL: `-- name: a_statement` begins a statement, and `-- fragment: a_fragment` a text for others. A file without either is
 * a fragment. `:a_fragment` stands for another text, or for a shared number, as variables do in psql.
 */
function readSql(folder) {
  const found = new Map();
  for (const path of filesOf(folder, '.sql')) {
    for (const text of sqlTexts(path)) {
      if (found.has(text.name)) throw new Error(`${path}: ${text.name} stands in ${found.get(text.name).file} as well`);
      found.set(text.name, text);
    }
  }
  const ordered = new Set();
  const link = (text) => {
    if (ordered.has(text)) return;
    text.parts = text.source.split(/(?<![:\w]):([a-z]\w*)/).flatMap((piece, at) => {
      if (at % 2 === 0) return piece === '' ? [] : [piece];
      const name = nameOf(piece);
      if (NUMBERS[name] !== undefined) return [{ number: name }];
      const used = found.get(name);
      if (used === undefined) throw new Error(`${text.file}: there is no :${piece}`);
      link(used);
      return [{ text: used }];
    });
    ordered.add(text);
  };
  for (const text of found.values()) link(text);
  return [...ordered];
}

function sqlTexts(path) {
  const [head, ...pieces] = readFileSync(path, 'utf8').split(/^-- (name|fragment): (\w+)\n/m);
  if (pieces.length === 0) pieces.push('fragment', basename(path, '.sql'), head);
  return Array.from({ length: pieces.length / 3 }, (_, at) => {
    const [kind, name, source] = pieces.slice(at * 3, at * 3 + 3);
    const isExported = kind === 'name';
    return { name: nameOf(name), file: path, isExported, source: withoutComments(source).trim() };
  });
}

/** Comments stay here: to change one changes no script, and no function that a database has. */
function withoutComments(source) {
  return source
    .split('\n')
    .filter((line) => !/^\s*(?:--.*)?$/.test(line))
    .join('\n')
    .replace(/(?<=.)$/s, '\n');
}

function filesOf(folder, ending) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(({ name }) =>
    name.endsWith(ending),
  );
  return files.map(({ parentPath, name }) => join(parentPath, name)).toSorted();
}

function nameOf(text) {
  return text.replace(/^_/, '').replaceAll('-', '_').toUpperCase();
}
