// API reference, by TypeDoc, of all that the entries below export.
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Application, Converter, ReflectionKind } from 'typedoc';
import ts from 'typescript';
import { addressOf } from './repository.js';

const ROOT = join(import.meta.dirname, '..');
const LIB = join(ROOT, 'lib');
const TAG = '@publicApi';
/** File beside the pages: what the sidebar shows of them. */
export const NAVIGATION = 'navigation.json';
const ENTRIES = [
  { file: join(LIB, 'index.ts'), name: 'nestjs-tasks' },
  { file: join(LIB, 'dashboard/index.ts'), name: 'nestjs-tasks/dashboard' },
  { file: join(LIB, 'outbox/index.ts'), name: 'nestjs-tasks/outbox' },
  { file: join(LIB, 'testing/index.ts'), name: 'nestjs-tasks/testing' },
];

/** Writes the pages into this folder. Throws when an export lacks `@publicApi` or a doc comment has a dead link. */
export async function writeReference(folder) {
  rmSync(folder, { recursive: true, force: true });
  keepTypesOfThrows();
  const app = await Application.bootstrapWithPlugins({
    entryPoints: ENTRIES.map(({ file }) => file),
    tsconfig: join(ROOT, 'tsconfig.build.json'),
    plugin: ['typedoc-plugin-markdown'],
    out: folder,
    name: 'API reference',
    readme: 'none',
    basePath: ROOT,
    disableGit: true,
    sourceLinkTemplate: `${addressOf('lib/{path}')}#L{line}`,
    modifierTags: [TAG, '@internal'],
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    excludeExternals: true,
    // `npm run typecheck` does this, with the compiler of the repository.
    skipErrorChecking: true,
    entryFileName: 'index',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: 'table',
    navigationJson: join(folder, NAVIGATION),
    logLevel: 'Warn',
  });
  keepQuietAboutOverloads(app.logger);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => removeConstructorsOfNest(project));
  const project = await app.convert();
  if (project === undefined) throw new Error('TypeDoc could not read lib/.');
  const modules = ENTRIES.map((entry, index) => ({ ...entry, module: project.children[index] }));
  const symbols = modules.flatMap(({ module }) => module.children);

  const untagged = modules.flatMap(({ file, module }) =>
    module.children
      .filter((symbol) => !takeTag(symbol))
      .map(({ name }) => `${relative(ROOT, file)} exports ${name} without ${TAG}`),
  );
  if (untagged.length > 0) throw new Error(untagged.join('\n'));

  linkBetweenEntries(project, new Map(symbols.map((symbol) => [symbol.name, symbol])));
  const dead = deadLinksOf(project);
  if (dead.length > 0) throw new Error(dead.join('\n'));

  for (const { module, name } of modules) module.name = name;
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error('TypeDoc reported errors.');
}

/** Whether the symbol has the tag, which is removed: on every page it would say nothing. */
function takeTag(symbol) {
  const comments = [symbol, ...(symbol.signatures ?? [])].map(({ comment }) => comment).filter(Boolean);
  return comments.map(({ modifierTags }) => modifierTags.delete(TAG)).includes(true);
}

/** A parameter of a later overload, or an element of a tuple, is documented once, above the first signature. */
function keepQuietAboutOverloads(logger) {
  const warn = logger.warn.bind(logger);
  logger.warn = (text, ...rest) => {
    if (!/has an @param with name .* which was not used/.test(text)) warn(text, ...rest);
  };
}

/** Those without a doc comment: only Nest calls them, with what this library keeps to itself. */
function removeConstructorsOfNest(project) {
  for (const constructor of project.getReflectionsByKind(ReflectionKind.Constructor)) {
    if (!constructor.signatures.some(({ comment }) => comment?.hasVisibleComponent())) {
      project.removeReflection(constructor);
    }
  }
}

/** TypeDoc drops the type of `@throws {SomeError}`. As a link it stays. */
function keepTypesOfThrows() {
  const { readFile } = ts.sys;
  const exported = new Set(readFile(ENTRIES[0].file).match(/\w+/g));
  ts.sys.readFile = (path, encoding) => {
    const text = readFile(path, encoding);
    if (!path.startsWith(LIB)) return text;
    return text?.replaceAll(/(\* @throws )\{(\w+)\}/g, (_, start, name) =>
      exported.has(name) ? `${start}{@link ${name}}` : `${start}\`${name}\``,
    );
  };
}

/** TypeDoc looks for a symbol in the entry of the comment, and the errors are exports of the other one. */
function linkBetweenEntries(project, symbols) {
  for (const { link } of linksOf(project)) link.target ??= symbols.get(link.text);
}

function deadLinksOf(project) {
  return linksOf(project)
    .filter(({ link }) => link.target === undefined)
    .map(({ link, where }) => `${where}: {@link ${link.text}} names no export`);
}

function linksOf(project) {
  return Object.values(project.reflections).flatMap((reflection) => {
    const { summary = [], blockTags = [] } = reflection.comment ?? {};
    return [...summary, ...blockTags.flatMap(({ content }) => content)]
      .filter(({ kind, tag }) => kind === 'inline-tag' && tag === '@link')
      .map((link) => ({ link, where: reflection.getFullName() }));
  });
}
