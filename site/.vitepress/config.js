import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';
import { slugOf } from '../../test/docs/markdown.js';
import { GROUPS, titleOf } from '../contents.js';
import { NAVIGATION } from '../reference.js';
import { PACKAGE, REPOSITORY } from '../repository.js';

const PAGES = join(import.meta.dirname, '../.pages');

const guide = GROUPS.map(({ text, pages }) => ({
  text,
  items: pages.map((page) => ({ text: titleOf(page), link: `/${page}` })),
}));

/** Entries, kinds and symbols of the reference, as TypeDoc lists them. */
function reference() {
  const item = ({ title, path, children }) => ({
    text: title,
    ...(path && { link: `/reference/${path.replace(/(?:index)?\.md$/, '')}` }),
    ...(children && { collapsed: true, items: children.map(item) }),
  });
  return JSON.parse(readFileSync(join(PAGES, 'reference', NAVIGATION), 'utf8')).map(item);
}

export default defineConfig({
  lang: 'en',
  title: 'nestjs-tasks',
  description: PACKAGE.description,
  // Of a site that is not at the root of its host: /nestjs-tasks/.
  base: process.env.DOCS_BASE || '/',
  srcDir: '.pages',
  outDir: 'dist',
  cacheDir: 'node_modules/.cache/vitepress',
  cleanUrls: true,
  // The index of the search, which is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  markdown: {
    // Links are written for GitHub, with its anchors.
    anchor: { slugify: slugOf },
    theme: { light: 'github-light', dark: 'github-dark' },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guide', link: guide[0].items[0].link },
      { text: 'API', link: '/reference/' },
      { text: 'FAQ', link: '/faq' },
      { text: `v${PACKAGE.version}`, link: `${REPOSITORY}/blob/main/CHANGELOG.md` },
    ],
    sidebar: { '/': guide, '/reference/': reference() },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    editLink: { text: 'Edit this page', pattern: `${REPOSITORY}/edit/main/docs/:path` },
  },
  transformPageData({ relativePath, frontmatter }) {
    if (relativePath.startsWith('reference/')) frontmatter.editLink = false;
  },
});
