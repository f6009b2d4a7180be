// npm run docs: the site, from docs/*.md and the doc comments of lib/, in site/dist. `--serve` serves it while docs/ changes.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, createServer } from 'vitepress';
import { checkSite } from './check.js';
import { DOCS, GROUPS, mistakesIn, pagesOf } from './contents.js';
import { writeLlms } from './llms.js';
import { pageOf } from './page.js';
import { writeReference } from './reference.js';
import { PACKAGE } from './repository.js';

const PAGES = join(import.meta.dirname, '.pages');
const SITE = join(import.meta.dirname, 'dist');
const BASE = process.env.DOCS_BASE || '/';
const IMAGES = 'images';

function writePage(name) {
  writeFileSync(join(PAGES, `${name}.md`), pageOf(readFileSync(join(DOCS, `${name}.md`), 'utf8')));
}

async function writePages() {
  const mistakes = mistakesIn(GROUPS, pagesOf());
  if (mistakes.length > 0) throw new Error(`${mistakes.join('\n')}\nThe groups are in site/contents.js.`);
  rmSync(PAGES, { recursive: true, force: true });
  mkdirSync(PAGES);
  for (const name of pagesOf()) writePage(name);
  if (existsSync(join(DOCS, IMAGES))) cpSync(join(DOCS, IMAGES), join(PAGES, IMAGES), { recursive: true });
  cpSync(join(import.meta.dirname, 'home.md'), join(PAGES, 'index.md'));
  await writeReference(join(PAGES, 'reference'));
}

async function serve() {
  const server = await createServer(import.meta.dirname, { base: BASE });
  await server.listen();
  server.printUrls();
  watch(DOCS, (_, file) => {
    if (file?.endsWith('.md') && existsSync(join(DOCS, file))) writePage(file.slice(0, -'.md'.length));
  });
}

async function write() {
  await build(import.meta.dirname);
  writeLlms({ groups: GROUPS, pages: PAGES, site: SITE, base: BASE, description: PACKAGE.description });
  const { mistakes, count, pages } = checkSite(SITE, BASE);
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  if (count === 0) throw new Error('The site has no links to check.');
  console.log(`${pages} pages in site/dist, ${count} links checked`);
}

try {
  await writePages();
  await (process.argv.includes('--serve') ? serve() : write());
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
