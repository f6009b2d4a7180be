// Reading order of the pages of docs/, by name. The sidebar, llms.txt and llms-full.txt follow it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const DOCS = join(import.meta.dirname, '../docs');

/** A page that stands in no group, and a name without a page, fail the build and test/site. */
export const GROUPS = [
  { text: 'Start', pages: ['getting-started', 'recipes'] },
  {
    text: 'Request tasks',
    pages: ['timing', 'shutdown', 'errors', 'back-pressure', 'transports', 'threads', 'testing'],
  },
  { text: 'Durable tasks', pages: ['durable-tasks', 'transactions', 'context', 'brokers', 'testing-durable-tasks'] },
  { text: 'Patterns', pages: ['patterns'] },
  {
    text: 'Operations',
    pages: ['operations', 'dashboard', 'cli', 'deployment', 'telemetry', 'security', 'troubleshooting'],
  },
  { text: 'Guarantees', pages: ['guarantees', 'reliability'] },
  { text: 'Reference', pages: ['options', 'api', 'bundling', 'messages', 'linting'] },
  {
    text: 'Migration',
    pages: [
      'migrating-from-nestjs-bullmq',
      'migrating-from-schedule',
      'migrating-from-event-emitter',
      'migrating-from-fastapi',
    ],
  },
  { text: 'Questions', pages: ['faq'] },
];

/** Index of docs/ for those who read on GitHub; the sidebar is that of the site. */
const INDEX = 'README.md';

/** Names of the pages of docs/. */
export function pagesOf(folder = DOCS) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== INDEX)
    .map((name) => name.slice(0, -'.md'.length));
}

/** Differences between the groups and the pages, one line each. */
export function mistakesIn(groups, pages) {
  const listed = groups.flatMap((group) => group.pages);
  return [
    ...pages.filter((page) => !listed.includes(page)).map((page) => `docs/${page}.md stands in no group`),
    ...listed.filter((page) => !pages.includes(page)).map((page) => `docs/${page}.md is listed and does not exist`),
    ...listed.filter((page, index) => listed.indexOf(page) < index).map((page) => `docs/${page}.md is listed twice`),
  ];
}

/** Text of the first heading. */
export function titleOf(page, folder = DOCS) {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(folder, `${page}.md`), 'utf8')) ?? [];
  if (title === undefined) throw new Error(`docs/${page}.md has no heading of the first level.`);
  return title.replaceAll('`', '');
}
